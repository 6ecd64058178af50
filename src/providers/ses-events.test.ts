import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { describe } from 'node:test';
import { freshMessageId } from '../../tests/support/provider-tools.ts';
import type { JsonObject } from '#domain/request.ts';
import type { Receipt } from '#ports/provider.ts';
import { receiptsOfSesEvent } from './ses-events.ts';

/** By what they are: the events and notifications of SES's documentation. */
const EVENTS = JSON.parse(
  readFileSync(new URL('../../tests/fixtures/ses-events.json', import.meta.url), 'utf8'),
) as Record<string, JsonObject & { mail: JsonObject & { tags?: JsonObject } }>;
const REF = 'EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000';

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
  Send: told('accepted'),
  Delivery: told('delivered'),
  DeliveryDelay: null,
  Bounce: told('undelivered', 'invalid_address', 'hard_bounce'),
  Complaint: told('delivered', 'complaint', 'complaint'),
  Reject: told('undelivered', 'invalid_content'),
  'Rendering Failure': told('undelivered', 'render_error'),
  Open: told('opened'),
  Click: told('clicked'),
  Subscription: told('unsubscribed', null, 'unsubscribed'),
  'Notification: Bounce with a DSN': told('undelivered', 'invalid_address', 'hard_bounce'),
  'Notification: Bounce without a DSN': told('undelivered', 'hard_bounce', 'hard_bounce'),
  'Notification: Complaint with a report': told('delivered', 'complaint', 'complaint'),
  'Notification: Complaint without a report': told('delivered', 'complaint', 'complaint'),
  'Notification: Delivery': told('delivered'),
};

describe("an event of SES's", () => {
  test('is known, whichever of its documentation', () => {
    assert.deepEqual(Object.keys(EVENTS).toSorted(), Object.keys(EXPECTED).toSorted());
  });

  for (const [name, expected] of Object.entries(EXPECTED)) {
    test(`${name} tells ${expected?.status ?? 'nothing'} of our message`, () => {
      const id = freshMessageId();
      const event = EVENTS[name]!;
      const tags = { ...event.mail.tags, carom_message: [id] };
      const receipts = receiptsOfSesEvent(JSON.stringify({ ...event, mail: { ...event.mail, tags } }), false);
      assert.deepEqual(receipts, expected ? [{ messageId: id, ref: null, ...expected }] : []);
    });

    test(`${name} tells ${expected?.status ?? 'nothing'} by SES's id, where that is kept, and nothing of foreign mail else`, () => {
      const text = JSON.stringify(EVENTS[name]);
      const ref = EVENTS[name]!.mail['messageId'] as string;
      assert.deepEqual(receiptsOfSesEvent(text, true), expected ? [{ messageId: null, ref, ...expected }] : []);
      assert.deepEqual(receiptsOfSesEvent(text, false), []);
    });
  }

  const bounces: [type: string, subType: string, expected: Told][] = [
    ['Undetermined', 'Undetermined', told('undelivered', 'soft_bounce')],
    ['Permanent', 'General', told('undelivered', 'hard_bounce', 'hard_bounce')],
    ['Permanent', 'NoEmail', told('undelivered', 'invalid_address', 'hard_bounce')],
    ['Permanent', 'Suppressed', told('undelivered', 'suppressed', 'hard_bounce')],
    ['Permanent', 'OnAccountSuppressionList', told('undelivered', 'suppressed', 'hard_bounce')],
    ['Permanent', 'UnsubscribedRecipient', told('undelivered', 'unsubscribed', 'unsubscribed')],
    ['Transient', 'General', told('undelivered', 'soft_bounce')],
    ['Transient', 'MailboxFull', told('undelivered', 'mailbox_full')],
    ['Transient', 'MessageTooLarge', told('undelivered', 'too_large')],
    ['Transient', 'ContentRejected', told('undelivered', 'invalid_content')],
    ['Transient', 'AttachmentRejected', told('undelivered', 'invalid_content')],
    ['Transient', 'toString', told('undelivered', 'soft_bounce')],
  ];
  for (const [bounceType, bounceSubType, expected] of bounces)
    test(`of a bounce ${bounceType}/${bounceSubType} tells ${expected!.reason}`, () => {
      const event = { eventType: 'Bounce', bounce: { bounceType, bounceSubType }, mail: { messageId: REF } };
      assert.deepEqual(receiptsOfSesEvent(JSON.stringify(event), true), [{ messageId: null, ref: REF, ...expected }]);
    });

  const complaints: [what: string, complaint: JsonObject, expected: Told][] = [
    [
      'of a message that was not even sent',
      { complaintSubType: 'OnAccountSuppressionList' },
      told('undelivered', 'suppressed', 'complaint'),
    ],
    ['that it is no spam', { complaintFeedbackType: 'not-spam' }, null],
    ['about a signature', { complaintFeedbackType: 'auth-failure' }, null],
    ['about a virus', { complaintFeedbackType: 'virus' }, null],
    [
      'of fraud',
      { complaintFeedbackType: 'fraud', complaintSubType: null },
      told('delivered', 'complaint', 'complaint'),
    ],
  ];
  for (const [what, complaint, expected] of complaints)
    test(`of a complaint ${what} tells ${expected?.status ?? 'nothing'}`, () => {
      const event = { eventType: 'Complaint', complaint, mail: { messageId: REF } };
      const receipts = receiptsOfSesEvent(JSON.stringify(event), true);
      assert.deepEqual(receipts, expected ? [{ messageId: null, ref: REF, ...expected }] : []);
    });

  test('tells nothing where somebody leaves some topics of a contact list only', () => {
    const { subscription, ...event } = EVENTS['Subscription']!;
    const newTopicPreferences = { unsubscribeAll: false, topicSubscriptionStatus: [] };
    const some = { ...event, subscription: { ...(subscription as JsonObject), newTopicPreferences } };
    assert.deepEqual(receiptsOfSesEvent(JSON.stringify(some), true), []);
  });

  const foreign = [
    'Successfully validated SNS topic for Amazon SES event publishing.',
    '{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"You have successfully subscribed"}',
    '"Delivery"',
    'null',
    '[]',
    '7',
    '{}',
    '{"eventType":7}',
    '{"eventType":"constructor","mail":{"messageId":"x"}}',
    '{"eventType":"Delivery"}',
    '{"eventType":"Delivery","mail":null}',
    '{"eventType":"Delivery","mail":{"messageId":7,"tags":7}}',
    '{"eventType":"Delivery","mail":{"messageId":"","tags":{"carom_message":"abc"}}}',
    '{"eventType":"Delivery","mail":{"tags":{"carom_message":[7]}}}',
    '{"eventType":"Delivery","mail":{"tags":{"carom_message":["not ours"]}}}',
    `{"eventType":"Delivery","mail":{"messageId":"${'x'.repeat(501)}"}}`,
  ];
  for (const text of foreign)
    test(`tells nothing of ${text.slice(0, 70)}`, () => assert.deepEqual(receiptsOfSesEvent(text, true), []));

  test('that is malformed inside tells what it can', () => {
    const event = (more: JsonObject) => JSON.stringify({ eventType: 'Bounce', mail: { messageId: REF }, ...more });
    const odd: JsonObject[] = [{}, { bounce: null }, { bounce: 'x' }, { bounce: { bouncedRecipients: [null] } }];
    for (const more of odd) assert.equal(receiptsOfSesEvent(event(more), true)[0]?.reason, 'soft_bounce');
    const diagnosed = { bounce: { bouncedRecipients: [{ diagnosticCode: 7 }] } };
    assert.equal(receiptsOfSesEvent(event(diagnosed), true)[0]?.reason, 'soft_bounce');
  });
});
