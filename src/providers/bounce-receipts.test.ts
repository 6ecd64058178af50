import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import {
  EXCHANGE,
  GMAIL,
  OUT_OF_OFFICE,
  POSTFIX_DELAYED,
  POSTFIX_FAILED,
  SES,
  bounceMail,
  exim,
  feedback,
  postfixSuccess,
} from '../../tests/support/bounce-mails.ts';
import { freshMessageId, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import { CallbackError } from '#ports/provider.ts';
import { bounceAddress, marksOf, messageOfAddress } from './bounce-address.ts';
import { receiptsInMail } from './bounce-receipts.ts';

const MAILBOX = { localPart: 'b', domain: 'bounce.example.com' };
const marks = marksOf(providerConfig('smtp', {}));
const { log } = testTools();
const messageId = freshMessageId();
const mark = marks.of(messageId);
const NAMES = { mark, bounce: bounceAddress(MAILBOX, mark), id: `${mark}@example.com` };

const read = (raw: Buffer, ours = marks) => receiptsInMail(raw, null, ours, log);
const undelivered = (reason: string, isDead: boolean) => ({
  messageId,
  ref: null,
  status: 'undelivered',
  reason,
  ...(isDead && { suppress: { reason: 'hard_bounce' } }),
});
const positive = (status: 'delivered' | 'sent') => ({ messageId, ref: null, status, reason: null });
const complaint = (reason: string) => ({ ...positive('delivered'), suppress: { reason } });

const CASES: [name: string, template: string, receipt: object | null][] = [
  [
    'Postfix, failed',
    POSTFIX_FAILED,
    undelivered("invalid_address: 550 5.1.1 <ana@example.net> User doesn't exist", true),
  ],
  ['Postfix, delivered', postfixSuccess('delivered'), positive('delivered')],
  ['Postfix, relayed to a server that reports nothing', postfixSuccess('relayed'), positive('sent')],
  ['Postfix, expanded to a list', postfixSuccess('expanded'), positive('delivered')],
  ['Postfix, delayed: it goes on trying', POSTFIX_DELAYED, null],
  ['Postfix, a word nobody knows', POSTFIX_FAILED.replace('Action: failed', 'Action: pondered'), null],
  [
    'Exim, no such user',
    exim('550 No such user here'),
    undelivered('invalid_address: 550 5.0.0 No such user here', true),
  ],
  [
    'Exim, the other server’s code',
    exim('550 5.7.1 Blocked by policy'),
    undelivered('blocked: 550 5.7.1 Blocked by policy', false),
  ],
  ['Exim, nothing but 5.0.0', exim(''), undelivered('invalid_address: 5.0.0', true)],
  ['Exim, spam', exim('550 This looks like spam'), undelivered('blocked: 550 5.0.0 This looks like spam', false)],
  [
    'Exim, a full mailbox',
    exim('552 Mailbox over quota'),
    undelivered('mailbox_full: 552 5.0.0 Mailbox over quota', false),
  ],
  [
    'Exchange',
    EXCHANGE,
    undelivered(
      'invalid_address: 550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ana@example.net not found by SMTP address lookup',
      true,
    ),
  ],
  [
    'Gmail, over several lines',
    GMAIL,
    undelivered(
      "mailbox_full: 552 5.2.2 The recipient's inbox is out of storage space. Please direct the 552-5.2.2 recipient to https://support.example/mail/?p=OverQuotaPerm 552 5.2.2 a1-20020a05 - gsmtp",
      false,
    ),
  ],
  ['Amazon SES', SES, undelivered('blocked: 554 5.7.1 Message blocked due to spam content', false)],
  ['feedback: abuse', feedback('abuse'), complaint('complaint')],
  ['feedback: Fraud', feedback('Fraud'), complaint('complaint')],
  ['feedback: opt-out', feedback('opt-out'), complaint('unsubscribed')],
  ['feedback: not-spam', feedback('not-spam'), null],
  ['feedback: auth-failure', feedback('auth-failure'), null],
  ['feedback: virus', feedback('virus'), null],
  ['feedback: other', feedback('other'), null],
  ['an automatic reply', OUT_OF_OFFICE, null],
];

describe('what comes back', () => {
  for (const [name, template, receipt] of CASES)
    test(name, async () => {
      assert.deepEqual(await read(bounceMail(template, NAMES)), receipt === null ? [] : [receipt]);
    });

  test('the permanent codes of addresses suppress, those of senders and mailboxes do not', async () => {
    const dead: Record<string, boolean> = {
      '5.1.0': true, '5.1.1': true, '5.1.2': true, '5.1.3': true, '5.1.4': false, '5.1.5': false, '5.1.6': true, '5.1.7': false, '5.1.8': false,
      '5.1.10': true, '5.2.0': false, '5.2.1': true, '5.2.2': false, '5.2.3': false, '5.3.0': false, '5.4.4': false, '5.4.7': false, '5.5.0': false, '5.6.0': false, '5.7.0': false, '5.7.26': false,
      '4.1.1': false, '4.2.2': false, '4.4.7': false,
    }; // prettier-ignore
    for (const [code, isDead] of Object.entries(dead)) {
      const template = POSTFIX_FAILED.replace('Status: 5.1.1', `Status: ${code}`).replace(
        /Diagnostic-Code: .*\r\n/,
        '',
      );
      const [receipt] = await read(bounceMail(template, NAMES));
      assert.deepEqual(
        [receipt?.status, receipt?.suppress],
        ['undelivered', isDead ? { reason: 'hard_bounce' } : undefined],
        code,
      );
    }
  });

  test('one recipient that arrived is enough', async () => {
    const template = POSTFIX_FAILED.replace(
      'Final-Recipient:',
      'Final-Recipient: rfc822; other@example.net\r\nAction: delivered\r\nStatus: 2.0.0\r\n\r\nFinal-Recipient:',
    );
    assert.deepEqual(await read(bounceMail(template, NAMES)), [positive('delivered')]);
  });
});

describe('whose it is', () => {
  test('is found in the returned mail or the envelope id where the bounce address is lost', async () => {
    const lost = { ...NAMES, bounce: 'bounces@example.com' };
    assert.equal((await read(bounceMail(POSTFIX_FAILED, lost)))[0]?.messageId, messageId);
    assert.equal((await read(bounceMail(EXCHANGE, lost)))[0]?.messageId, messageId);
    assert.equal((await read(bounceMail(GMAIL, lost)))[0]?.messageId, messageId);
    assert.equal((await read(bounceMail(feedback('abuse'), { ...lost, id: NAMES.id })))[0]?.messageId, messageId);
  });

  test('nobody can say without its mark: another’s, a guess, none', async () => {
    const others = marksOf({ ...providerConfig('smtp', {}), accountId: 'other' });
    assert.deepEqual(await read(bounceMail(POSTFIX_FAILED, NAMES), others), []);
    const guess = `${messageId}.0123456789abcdef`;
    const guessed = { mark: guess, bounce: bounceAddress(MAILBOX, guess), id: `${guess}@example.com` };
    assert.deepEqual(await read(bounceMail(POSTFIX_FAILED, guessed)), []);
    assert.deepEqual(
      await read(bounceMail(POSTFIX_FAILED, { mark: messageId, bounce: 'b@example.com', id: messageId })),
      [],
    );
  });

  test('an address is ours as a whole or not at all', () => {
    const ours = (address: string) => messageOfAddress(address, MAILBOX, marks);
    assert.equal(ours(NAMES.bounce), messageId);
    assert.equal(ours(NAMES.bounce.toUpperCase()), messageId);
    for (const address of [
      `b+x${mark}@bounce.example.com`,
      `b+${mark}x@bounce.example.com`,
      `b+${mark}@example.com`,
      `b+@bounce.example.com`,
      `b+${mark}@x@bounce.example.com`,
      mark,
    ])
      assert.equal(ours(address), null, address);
  });
});

describe('what is no report', () => {
  test('is no mail', async () => {
    for (const raw of ['', 'no header', '{"json": true}', '<html>', '\0\0\0'])
      await assert.rejects(read(Buffer.from(raw)), CallbackError, raw);
  });

  test('broken ones report nothing, and break nothing', async () => {
    const whole = bounceMail(POSTFIX_FAILED, NAMES);
    for (let length = 100; length < whole.length; length += 37)
      assert((await read(whole.subarray(0, length))).length <= 1);
    const bytes = Buffer.from(whole);
    for (let at = 0; at < bytes.length; at += 11) bytes[at] = (bytes[at]! * 7 + 13) & 0xff;
    await read(Buffer.concat([Buffer.from('X: y\r\n'), bytes]));
    const nested = 'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n'.repeat(200);
    await assert.rejects(read(Buffer.from(nested)), CallbackError);
  });

  test('one of 20 MB is read as fast as its beginning', async () => {
    const large = Buffer.concat([bounceMail(POSTFIX_FAILED, NAMES), Buffer.alloc(20_000_000, 'x\r\n')]);
    assert.equal((await read(large)).length, 1);
  });
});
