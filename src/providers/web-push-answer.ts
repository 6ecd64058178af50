/** What the answers of push services mean (RFC 8030 §5; what the large ones document beyond it). */
import type { Clock } from '#ports/clock.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { goneDevice } from './devices.ts';
import { REASON_LENGTH_MAX, REF_LENGTH_MAX } from './http-answer.ts';
import type { Exchange } from './http-exchange.ts';
import { outcomeOfCall } from './vendor-call.ts';
import type { VendorAnswer } from './vendor-call.ts';

/** The push services of Chrome and its relatives, Firefox, Safari and Edge. */
const KNOWN_SERVICES = ['fcm.googleapis.com', 'push.services.mozilla.com', 'push.apple.com', 'notify.windows.com'];
/** What the guard of connections says (src/outbound). */
const PRIVATE = /private network/;

/** Whose answer it is. */
export interface Browser {
  /** Of the device: its subscription. */
  address: string;
  origin: string;
  /** Its push service is the operator's own. */
  isTrusted: boolean;
  clock: Clock;
}

/**
 * What came of one browser's message. A subscription belongs to the key it was made with: no other provider could do better.
 * Nor may an endpoint, which is whatever a visitor of a page says, make anybody else's messages wait.
 */
export function webPushOutcome(call: Exchange, { address, origin, isTrusted, clock }: Browser): SendOutcome {
  if (call.kind === 'not_sent' && PRIVATE.test(call.detail))
    return { kind: 'rejected', reason: 'private_address', detail: null, retryable: false };
  const outcome = outcomeOfCall(call, (answer) => judge(answer, address), clock);
  if (outcome.kind === 'throttled' && !isTrusted && !isKnown(origin))
    return { kind: 'rejected', reason: 'device_rate_exceeded', detail: null, retryable: true, tryElsewhere: false };
  return outcome.kind === 'rejected' ? { ...outcome, tryElsewhere: false } : outcome;
}

function judge({ status, headers, text }: VendorAnswer, address: string): SendOutcome {
  const detail = text.trim() === '' ? null : text.trim().slice(0, REASON_LENGTH_MAX);
  if (status >= 200 && status < 300) return { kind: 'accepted', ref: refOf(headers['location']) };
  const refused = (reason: string): SendOutcome => ({ kind: 'rejected', reason, detail, retryable: false });
  switch (status) {
    case 404:
    case 410:
      return goneDevice('unregistered', detail, address);
    case 401:
    case 403:
      // The subscription was made with another key, or the token is not liked: never the message's own fault.
      return refused('unauthorized');
    case 413:
      return refused('invalid_content');
    default:
      return { kind: 'rejected', reason: `http_${status}`, detail, retryable: status >= 500 };
  }
}

/** Where the push service keeps the message (RFC 8030 §5.1). */
function refOf(location: string | undefined): string | null {
  return location !== undefined && location !== '' && location.length <= REF_LENGTH_MAX ? location : null;
}

function isKnown(origin: string): boolean {
  const { hostname } = new URL(origin);
  return KNOWN_SERVICES.some((service) => hostname === service || hostname.endsWith(`.${service}`));
}
