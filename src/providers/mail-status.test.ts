/** What widespread servers say, as they say it, and what it means. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { faultOf, parseReply, wordsOf } from './mail-status.ts';

const DEAD = true;
const ALIVE = false;

const REPLIES: [reply: string, reason: string, isDead: boolean][] = [
  // Gmail
  [
    "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking the recipient's email address for typos or\n550 5.1.1 unnecessary spaces. - gsmtp",
    'invalid_address',
    DEAD,
  ],
  ['550 5.2.1 The email account that you tried to reach is disabled. - gsmtp', 'mailbox_unavailable', DEAD],
  [
    '450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered. - gsmtp',
    'mailbox_unavailable',
    ALIVE,
  ],
  ["452 4.2.2 The recipient's inbox is out of storage space. - gsmtp", 'mailbox_full', ALIVE],
  [
    '421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address.\n421 4.7.28 - gsmtp',
    'throttled',
    ALIVE,
  ],
  [
    '550-5.7.26 This mail has been blocked because the sender is unauthenticated.\n550 5.7.26 - gsmtp',
    'blocked',
    ALIVE,
  ],
  ["552 5.3.4 Your message exceeded Google's message size limits. - gsmtp", 'too_large', ALIVE],
  // Outlook.com, Exchange Online
  ['550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).', 'mailbox_unavailable', ALIVE],
  ['550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup', 'invalid_address', DEAD],
  [
    '550 5.4.1 Recipient address rejected: Access denied. [AM6EUR05FT025.eop-eur05.prod.example.com]',
    'invalid_address',
    DEAD,
  ],
  [
    "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
    'blocked',
    ALIVE,
  ],
  ['451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS76492)', 'blocked', ALIVE],
  [
    "421 RP-001 (BAY004-MC1F23) Unfortunately, some messages from 192.0.2.1 weren't sent. Please try again. We have limits for how many messages can be sent per hour and per day.",
    'provider_error',
    ALIVE,
  ],
  ['535 5.7.3 Authentication unsuccessful', 'unauthorized', ALIVE],
  ['550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain', 'blocked', ALIVE],
  // Yahoo
  [
    "554 delivery error: dd This user doesn't have a yahoo.com account (ana@yahoo.com) [0] - mta1.example",
    'invalid_address',
    DEAD,
  ],
  [
    '421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints',
    'blocked',
    ALIVE,
  ],
  // Postfix
  [
    '550 5.1.1 <ana@example.net>: Recipient address rejected: User unknown in virtual mailbox table',
    'invalid_address',
    DEAD,
  ],
  ['450 4.2.0 <ana@example.net>: Recipient address rejected: Greylisted', 'greylisted', ALIVE],
  ['554 5.7.1 <ana@example.net>: Relay access denied', 'unauthorized', ALIVE],
  ['553 5.7.1 <shop@example.com>: Sender address rejected: not owned by user carom', 'blocked', ALIVE],
  ['450 4.1.8 <shop@example.com>: Sender address rejected: Domain not found', 'invalid_sender', ALIVE],
  ['554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org', 'blocked', ALIVE],
  ['421 4.7.0 mx.example.net Error: too many connections from 192.0.2.1', 'throttled', ALIVE],
  ['452 4.3.1 Insufficient system storage', 'provider_error', ALIVE],
  ['530 5.7.0 Must issue a STARTTLS command first', 'unauthorized', ALIVE],
  // Exim
  ['550 Unrouteable address', 'invalid_address', DEAD],
  ['550 relay not permitted', 'unauthorized', ALIVE],
  ['451 Temporary local problem - please try later', 'provider_error', ALIVE],
  ['550 no such user here', 'invalid_address', DEAD],
  // qmail, Amazon SES, others
  ["553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", 'blocked', ALIVE],
  ['454 Throttling failure: Maximum sending rate exceeded.', 'throttled', ALIVE],
  [
    '554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: shop@example.com',
    'blocked',
    ALIVE,
  ],
  ['550 5.7.1 Message rejected due to content restrictions', 'blocked', ALIVE],
  ['552 5.2.2 Mailbox full', 'mailbox_full', ALIVE],
  ['550 Mailbox quota exceeded', 'mailbox_full', ALIVE],
  ['550 5.1.2 Host unknown (Name server: example.invalid: no data known)', 'invalid_address', DEAD],
  ['556 5.1.10 Recipient address has null MX', 'invalid_address', DEAD],
  ['501 5.1.3 Bad recipient address syntax', 'invalid_address', DEAD],
  ['550 rejected', 'mailbox_unavailable', ALIVE],
  ['502 Command not implemented', 'protocol_error', ALIVE],
  ['599 ?', 'refused', ALIVE],
];

describe('replies', () => {
  for (const [reply, reason, isDead] of REPLIES)
    test(reply.slice(0, 100), () => assert.deepEqual(faultOf(parseReply(reply)), { reason, isDead }));
});

describe('a reply', () => {
  test('is code, enhanced code and text, over several lines', () => {
    const reply = parseReply('550-5.1.1 No such\r\n550 5.1.1 user');
    assert.deepEqual(reply, { code: 550, enhanced: '5.1.1', text: 'No such user' });
    assert.equal(wordsOf(reply), '550 5.1.1 No such user');
  });

  test('may have its enhanced code elsewhere, and an IP address is none', () => {
    assert.equal(parseReply('550 sorry (#5.1.1)').enhanced, '5.1.1');
    assert.equal(parseReply('550 your host 5.1.1.27 is listed').enhanced, null);
    assert.equal(parseReply('550 your host 195.1.1').enhanced, null);
  });

  test('may be nothing of the kind, or endless', () => {
    assert.deepEqual(parseReply(''), { code: null, enhanced: null, text: '' });
    assert.equal(wordsOf(parseReply(`550 ${'x'.repeat(100_000)}`)).length, 200);
  });
});
