/** Bodies as in Meta's "Status messages webhook reference" (May 2026) and its older samples, with our message ids in them. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { callbackWith, freshMessageId } from '../../tests/support/provider-tools.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { receiptsIn } from './whatsapp-cloud-receipts.ts';

const NUMBER_ID = '106540352242922';
const WAMID = 'wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUFERjg0NDEzNDdFODU3MUMxMAA=';
const OURS = freshMessageId();

const read = (body: Json) => receiptsIn(callbackWith(body), NUMBER_ID);

const change = (value: JsonObject, field = 'messages', numberId = NUMBER_ID): JsonObject => ({
  value: {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550783881', phone_number_id: numberId },
    ...value,
  },
  field,
});
const entry = (...changes: JsonObject[]): JsonObject => ({ id: '102290129340398', changes });
const notification = (...entries: JsonObject[]): JsonObject => ({
  object: 'whatsapp_business_account',
  entry: entries,
});
const statuses = (...list: JsonObject[]): JsonObject => notification(entry(change({ statuses: list })));

const SENT: JsonObject = {
  id: WAMID,
  status: 'sent',
  timestamp: '1750030073',
  recipient_id: '16505551234',
  biz_opaque_callback_data: OURS,
  conversation: {
    id: '72b14d6bd5407799e66f64d1b338e567',
    expiration_timestamp: '1750116480',
    origin: { type: 'marketing' },
  },
  pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'marketing' },
};
const WITHOUT_PRICE: JsonObject = {
  id: WAMID,
  status: 'delivered',
  timestamp: '1750030073',
  recipient_id: '16505551234',
  biz_opaque_callback_data: OURS,
};
const failed = (code: number, title: string, details: string): JsonObject => ({
  ...WITHOUT_PRICE,
  status: 'failed',
  errors: [
    {
      code,
      title,
      message: title,
      error_data: { details },
      href: '/documentation/business-messaging/whatsapp/support/error-codes',
    },
  ],
});

describe('WhatsApp statuses', () => {
  test('each that is documented means one thing', () => {
    const expected: [JsonObject, string | null][] = [
      [SENT, 'sent'],
      [WITHOUT_PRICE, 'delivered'],
      [{ ...WITHOUT_PRICE, status: 'read' }, 'read'],
      [{ ...WITHOUT_PRICE, status: 'played' }, 'read'],
      [failed(131026, 'Message undeliverable', 'Message Undeliverable.'), 'undelivered'],
      // A user deleted what he wrote; a catalogue item is missing: neither is about delivery.
      [{ ...WITHOUT_PRICE, status: 'deleted' }, null],
      [{ ...WITHOUT_PRICE, status: 'warning' }, null],
      [{ ...WITHOUT_PRICE, status: 'constructor' }, null],
      [{ ...WITHOUT_PRICE, status: 7 }, null],
    ];
    for (const [status, meaning] of expected) {
      const [receipt] = read(statuses(status));
      assert.equal(receipt?.status ?? null, meaning, JSON.stringify(status));
      if (receipt) assert.deepEqual([receipt.messageId, receipt.ref], [OURS, null]);
    }
  });

  test('a failure says why, in our word and in the vendor’s', () => {
    const cases: [JsonObject, string][] = [
      [
        failed(
          131049,
          'This message was not delivered to maintain healthy ecosystem engagement.',
          'In order to maintain a healthy ecosystem engagement, the message failed to be delivered.',
        ),
        'withheld: 131049 In order to maintain a healthy ecosystem engagement, the message failed to be delivered.',
      ],
      [failed(131026, 'Message undeliverable', ''), 'not_reachable: 131026 Message undeliverable'],
      [failed(131047, 'Re-engagement message', 'x'), 'window_closed: 131047 x'],
      [failed(131050, 'Stopped', 'x'), 'opted_out: 131050 x'],
      [failed(999_999, 'New', 'x'), 'whatsapp_999999: 999999 x'],
      [{ ...WITHOUT_PRICE, status: 'failed' }, 'failed'],
      [{ ...WITHOUT_PRICE, status: 'failed', errors: [null, 'x', {}] }, 'failed'],
    ];
    for (const [status, reason] of cases) assert.equal(read(statuses(status))[0]?.reason, reason);
    assert.equal(read(statuses(failed(131026, 'x', 'y'.repeat(1_000))))[0]!.reason!.length, 200);
  });

  test('a batch of entries, changes and statuses is read whole', () => {
    const ids = Array.from({ length: 6 }, () => freshMessageId());
    const about = (...list: string[]) =>
      change({ statuses: list.map((id) => ({ ...WITHOUT_PRICE, biz_opaque_callback_data: id })) });
    const body = notification(entry(about(ids[0]!, ids[1]!), about(ids[2]!)), entry(about(ids[3]!, ids[4]!, ids[5]!)));
    assert.deepEqual(
      read(body).map(({ messageId }) => messageId),
      ids,
    );
  });

  test('what others are told about is left alone', () => {
    const { biz_opaque_callback_data: _, ...withoutOurs } = SENT;
    const bodies = [
      // Another number of the same app.
      notification(entry(change({ statuses: [SENT] }, 'messages', '999'))),
      notification(entry({ value: { statuses: [SENT] }, field: 'messages' })),
      // A message that another program sent from this number.
      statuses(withoutOurs),
      statuses({ ...SENT, biz_opaque_callback_data: 'campaign-7' }),
      // What a user writes.
      notification(
        entry(
          change({
            contacts: [{ profile: { name: 'Ana' }, wa_id: '16505551234' }],
            messages: [{ from: '16505551234', id: WAMID, timestamp: '1750030073', type: 'text', text: { body: 'Hi' } }],
          }),
        ),
      ),
      // Other fields.
      notification(entry(change({ event: 'APPROVED', message_template_name: 'x' }, 'message_template_status_update'))),
      notification(),
      { entry: [null, 7, { changes: 'x' }, { changes: [null, { field: 'messages', value: null }] }] },
    ];
    for (const body of bodies) assert.deepEqual(read(body), [], JSON.stringify(body));
  });

  test('what is no notification is refused', () => {
    for (const body of [null, '', '<html>', [], {}, { entry: {} }, 7] as Json[])
      assert.throws(() => read(body), { name: 'CallbackError' });
    assert.throws(() => read(statuses(...Array.from({ length: 10_001 }, () => SENT))), { name: 'CallbackError' });
  });
});
