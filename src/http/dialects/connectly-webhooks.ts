/** The call that asks to be told of deliveries. Vendor page: Create Webhook. */
import { isMap } from './connectly-entries.ts';
import { Refusal } from '../refusal.ts';

/** What is told of here. */
const TOPIC = 'delivery_status';
/** The vendor's other topics, and why there is nothing to tell. */
const NOT_HERE = new Map([
  ['messages', 'is not supported: Carom sends, and receives no messages of clients; use delivery_status'],
  ['report', 'is not supported: GET /v1/stats has the figures; use delivery_status'],
]);
/** What the vendor's webhooks may be for. They are all alike here. */
const TYPES = ['custom', 'zapier', 'webengage', 'integromat_make'];
const FIELDS = ['topic', 'address', 'type'];
/** One address per topic (vendor page), so the topic makes the id. */
const WEBHOOK_ID = 'connectly-delivery-status';

/** What the vendor asks for, and the same in the words of our own API. */
export interface WantedWebhook {
  topic: string;
  address: string;
  type: string;
  webhook: object;
}

/** Parses a call. @throws {Refusal} invalid. */
export function wantedWebhook(body: unknown): WantedWebhook {
  if (!isMap(body))
    throw new Refusal('invalid', 'the body must be {"topic": "delivery_status", "address": "https://…"}');
  const unknown = Object.keys(body).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined)
    throw new Refusal('invalid', `${unknown} is not known here; the fields are ${FIELDS.join(', ')}`);
  const { topic = null, address = null, type: given = null } = body;
  if (topic !== TOPIC) {
    const why = typeof topic === 'string' ? NOT_HERE.get(topic) : undefined;
    throw new Refusal('invalid', why === undefined ? `topic must be "${TOPIC}"` : `this topic ${why}`);
  }
  if (typeof address !== 'string' || address === '')
    throw new Refusal('invalid', 'address is missing: give what is to be called');
  const type = given ?? 'custom';
  if (typeof type !== 'string' || !TYPES.includes(type)) {
    throw new Refusal('invalid', `type must be one of ${TYPES.join(', ')}`);
  }
  const webhook = {
    id: WEBHOOK_ID,
    url: address,
    events: ['message.sent', 'message.delivered', 'message.failed', 'message.opened'],
    format: 'connectly',
    auth: { type: 'connectly' },
  };
  return { topic, address, type, webhook };
}
