/** The transactions that are asked for: the same content in the language of a vendor and in our own. Each has its own user. */
import { postRequest } from './connection.ts';

/** The account and campaigns of the bench; see `carom.ts`. */
export const ACCOUNT = 'bench';
export const KEY = 'bench-key';
export const CAMPAIGN = {
  one: '~one',
  smpp: '~smpp',
  twilio: '~twilio',
  first: '~first',
  second: '~second',
  batch: '~batch',
  bulk: '7',
};

/** How far ahead the transactions start that are accepted and nothing more. */
const AHEAD_MS = 3_600_000;
const MODE = 'fallback_on_delivery_failure';

/** Makes the text of the nth request. */
export type MakeRequest = (txnId: string, n: number) => string;

/** A number of ten digits in +91, so that no cache of parsed numbers helps. Its last two digits say what the sink reports. */
function phoneOf(n: number): string {
  return `+919${String(n % 1_000_000_000).padStart(9, '0')}`;
}

function tokenOf(n: number): object {
  return {
    first_name: 'Asha',
    order: { id: `OD-${n}`, total: '1,499.00' },
    items: ['Kettle', 'Cups'],
    link: 'https://shop.example/o/1',
  };
}

/** The multi-campaign call of the WebEngage endpoint. */
export function vendorRequest(campaigns: string[]): MakeRequest {
  const query = campaigns.map((id) => `campaignIds=${encodeURIComponent(id)}`).join('&');
  const path = `/v2/accounts/${ACCOUNT}/transaction?${query}&mode=${MODE}`;
  return (txnId, n) =>
    postRequest(path, KEY, {
      ttl: 86_400,
      userId: `user-${n}`,
      txnId,
      overrideData: { context: { token: tokenOf(n) }, phone: phoneOf(n) },
    });
}

/** The same transaction in our own words, to start at an instant; by default in an hour: it is accepted, and nothing is sent. */
export function scheduledRequest(campaigns: string[], startAt = () => Date.now() + AHEAD_MS): MakeRequest {
  return (txnId, n) =>
    postRequest('/v1/transactions', KEY, {
      campaignIds: campaigns,
      mode: MODE,
      userId: `user-${n}`,
      txnId,
      ttl: 86_400,
      startAt: new Date(startAt()).toISOString(),
      token: tokenOf(n),
      phone: phoneOf(n),
    });
}
