import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { describe } from 'node:test';
import { freshMessageId } from '../../tests/support/provider-tools.ts';
import type { JsonObject } from '#domain/request.ts';
import { CallbackError } from '#ports/provider.ts';
import type { Receipt } from '#ports/provider.ts';
import { receiptsOfEvents } from './sendgrid-events.ts';

/** By what they are: the events of SendGrid's documentation, and one that others have seen. */
const EVENTS = JSON.parse(
  readFileSync(new URL('../../tests/fixtures/sendgrid-events.json', import.meta.url), 'utf8'),
) as Record<string, JsonObject>;

type Told = Pick<Receipt, 'status' | 'reason' | 'suppress'> | null;
const told = (
  status: Receipt['status'],
  reason: string | null = null,
  suppress?: 'hard_bounce' | 'complaint' | 'unsubscribed',
): Told => ({
  status,
  reason,
  ...(suppress && { suppress: { reason: suppress } }),
});

const EXPECTED: Record<string, Told> = {
  processed: told('accepted'),
  deferred: null,
  delivered: told('delivered'),
  bounce: told('undelivered', 'invalid_address', 'hard_bounce'),
  'bounce: blocked': told('undelivered', 'blocked'),
  'bounce: mailbox full': told('undelivered', 'mailbox_full'),
  'bounce: no such domain': told('undelivered', 'soft_bounce'),
  'dropped: Bounced Address': told('undelivered', 'suppressed', 'hard_bounce'),
  'dropped: Spam Reporting Address': told('undelivered', 'suppressed', 'complaint'),
  'dropped: Unsubscribed Address': told('undelivered', 'suppressed', 'unsubscribed'),
  'dropped: Invalid': told('undelivered', 'invalid_address', 'hard_bounce'),
  'dropped: Spam Content': told('undelivered', 'invalid_content'),
  'dropped: Recipient List over Package Quota': told('undelivered', 'no_credit'),
  'dropped: Invalid SMTPAPI header': told('undelivered', 'refused'),
  open: told('opened'),
  'open: by a machine': null,
  click: told('clicked'),
  spamreport: told('delivered', 'complaint', 'complaint'),
  unsubscribe: told('unsubscribed', null, 'unsubscribed'),
  group_unsubscribe: told('unsubscribed', null, 'unsubscribed'),
  group_resubscribe: null,
  account_status_change: null,
};

describe("an event of SendGrid's", () => {
  test('is known, whichever of its documentation', () => {
    assert.deepEqual(Object.keys(EVENTS).toSorted(), Object.keys(EXPECTED).toSorted());
  });

  for (const [name, expected] of Object.entries(EXPECTED))
    test(`${name} tells ${expected?.status ?? 'nothing'}`, () => {
      const id = freshMessageId();
      const receipts = receiptsOfEvents([{ ...EVENTS[name], carom_message: id.toUpperCase() }]);
      assert.deepEqual(receipts, expected ? [{ messageId: id, ref: null, ...expected }] : []);
    });

  test('tells of each message in a batch, and nothing of foreign mail', () => {
    const ids = Array.from({ length: 1_000 }, freshMessageId);
    const batch = ids.flatMap((id) => [EVENTS['delivered']!, { ...EVENTS['delivered']!, carom_message: id }]);
    assert.deepEqual(
      receiptsOfEvents(batch).map(({ messageId }) => messageId),
      ids,
    );
    const foreign = ['not ours', 7, null, ['x']];
    assert.deepEqual(receiptsOfEvents(foreign.map((one) => ({ event: 'delivered', carom_message: one }))), []);
  });

  test('with odd values tells what it can', () => {
    const odd: [event: JsonObject, expected: Told][] = [
      [{ event: 'bounce' }, told('undelivered', 'soft_bounce')],
      [{ event: 'bounce', type: 'bounce', reason: 7, status: null }, told('undelivered', 'hard_bounce', 'hard_bounce')],
      [{ event: 'dropped', reason: 'constructor' }, told('undelivered', 'refused')],
      [{ event: 7 }, null],
      [{}, null],
    ];
    for (const [event, expected] of odd) {
      const id = freshMessageId();
      const receipts = receiptsOfEvents([{ ...event, carom_message: id }]);
      assert.deepEqual(receipts, expected ? [{ messageId: id, ref: null, ...expected }] : []);
    }
  });

  test('is refused where it is none, or there are too many', () => {
    for (const body of ['<html>', {}, null, 7, ['delivered'], [null]])
      assert.throws(() => receiptsOfEvents(body), CallbackError);
    assert.throws(() => receiptsOfEvents(Array.from({ length: 5_001 }, () => ({}))), /5000 events/);
  });
});
