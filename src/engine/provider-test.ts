/**
 * Trying a provider: one message through it, as a transaction like any other, so that retries, receipts and the timeline are
 * what they will be. What it says stands in its request; no campaign is made for it.
 */
import { isPushChannel } from '#domain/campaign.ts';
import type { Channel } from '#domain/campaign.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import { ID_LENGTH_MAX, NOTHING_MORE } from '#domain/request.ts';
import type { JsonObject, TransactionRequest } from '#domain/request.ts';
import { unreachable } from '#domain/unreachable.ts';
import type { Templates } from '#ports/templates.ts';
import { createFaults } from './manifest/faults.ts';
import type { Fault, Faults } from './manifest/faults.ts';
import { readMessage } from './manifest/message.ts';
import { below, blame, refuseUnknown, required, textOf } from './manifest/reading.ts';
import type { Place } from './manifest/reading.ts';
import { refuseBadTemplates } from './manifest/templates.ts';

/** How long the vendor's receipt is waited for: 10 min. */
const RECEIPT_TIMEOUT = '10m';
/** Whose message it is: nobody's. */
const USER_ID = 'provider-test';
/** What the only campaign of such a transaction is called, before the provider's id. */
const CAMPAIGN_PREFIX = 'test:';
/** Characters of an address: a browser's subscription is the longest there is. */
const TO_LENGTH_MAX = 4_000;
/** What may be said beside the address; it stands in a campaign's message too. */
const MESSAGE_KEYS = ['from', 'body', 'subject', 'html', 'replyTo', 'title', 'image', 'url', 'data', 'template'];

/** What came of the wish. */
export type ProviderTest = { kind: 'ready'; request: TransactionRequest } | { kind: 'refused'; faults: Fault[] };

/** The request that tries the provider. @param input `{to}`, and what the message says; where it says nothing, it says that it is a test. */
export function providerTest(provider: ProviderConfig, templates: Templates, input: JsonObject): ProviderTest {
  const faults = createFaults();
  const { id, channel, receipts } = provider;
  const given: Place<JsonObject> = { value: input, path: [], faults };
  refuseUnknown(given, ['to', ...MESSAGE_KEYS]);
  const to = textOf(required(below(given, 'to'), 'name the address of somebody who expects it'), TO_LENGTH_MAX);
  const { to: _to, ...said } = input;
  // Nothing in it leads back to us: an unsubscription would be nobody's.
  const fixed = { channel, provider: id, tracking: false, critical: true, ...wait(receipts) };
  const message = readMessage({ ...given, value: { ...defaultsOf(channel, id, said), ...said, ...fixed } });
  if (message) refuseBadTemplates([message], templates, faults);
  const address = to === undefined ? null : addressOf(channel, to, faults);
  if (!message || address === null || !faults.isEmpty()) return { kind: 'refused', faults: faults.list() };
  const mode = receipts === 'none' ? 'fallback_on_attempt_failure' : 'fallback_on_delivery_failure';
  const what = { campaignIds: [`${CAMPAIGN_PREFIX}${id}`], userId: USER_ID, test: { content: message.message } };
  return { kind: 'ready', request: { ...NOTHING_MORE, mode, ...what, ...address } };
}

/** Where the vendor reports nothing, acceptance is all that can be waited for. */
function wait(receipts: ProviderConfig['receipts']): JsonObject {
  return receipts === 'none' ? {} : { receiptTimeout: RECEIPT_TIMEOUT };
}

/** What a message says that is not told what to say. */
function defaultsOf(channel: Channel, id: string, said: JsonObject): JsonObject {
  const body = `This is a test of the provider ${id.replaceAll(/[{}]/g, '')}.`;
  const hasText = ['body', 'html', 'template'].some((key) => Object.hasOwn(said, key));
  return {
    ...(channel === 'email' && { subject: 'Test' }),
    ...(isPushChannel(channel) && { title: 'Test' }),
    ...(!hasText && { body }),
  };
}

function addressOf(channel: Channel, to: string, faults: Faults): Partial<TransactionRequest> | null {
  switch (channel) {
    case 'sms':
    case 'whatsapp':
    case 'rcs':
    case 'voice':
      return { phone: to };
    case 'email':
      return { email: to };
    case 'push':
    case 'web_push':
      return { device: to };
    case 'webhook':
      if (to.length <= ID_LENGTH_MAX) return { userId: to };
      blame({ value: to, path: ['to'], faults }, `is a user's id here; it has at most ${ID_LENGTH_MAX} characters`);
      return null;
    default:
      return unreachable(channel);
  }
}
