/** Mail goes out by SMTP, and what comes back as mail decides how it goes on: to the node's own mail server, or posted. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { createTransport } from 'nodemailer';
import { startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { startMailServer } from '../support/mail-server.ts';
import type { MailServer, TakenMail } from '../support/mail-server.ts';

const KEY = 'shop-key';
let carom: Carom;
let dataDir: string;
let server: MailServer;

before(async () => {
  server = await startMailServer();
  dataDir = await mkdtemp(join(tmpdir(), 'carom-'));
  carom = await startCarom({ dataDir, args: ['--smtp-port', '0'] });
  const smtp = {
    channel: 'email',
    type: 'smtp',
    receipts: 'callback',
    host: '127.0.0.1',
    port: server.port,
    tls: 'none',
  };
  await carom.apply({
    account: 'shop',
    keys: [{ id: 'main', key: KEY, scopes: ['trigger', 'read', 'admin'] }],
    providers: [
      { id: 'mail', ...smtp, bounces: 'bounce.example.com', complaints: 'fbl@bounce.example.com' },
      { id: 'other-mail', ...smtp, bounces: 'other.example.com' },
      { id: 'sms', channel: 'sms', type: 'sandbox' },
    ],
    campaigns: [
      {
        id: '~mail',
        state: 'running',
        channel: 'email',
        provider: 'mail',
        from: 'Shop <shop@example.com>',
        subject: 'Your order',
        body: 'Hi',
        html: '<p>Hi</p>',
      },
      { id: '~sms', state: 'running', channel: 'sms', provider: 'sms', body: 'Hi' },
    ],
  });
});
after(async () => {
  await carom?.stop();
  await server?.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** Triggers the chain, and waits for its mail. */
async function send(txnId: string, email: string): Promise<TakenMail> {
  const index = server.mails.length;
  const body = {
    campaignIds: ['~mail', '~sms'],
    mode: 'fallback_on_delivery_failure',
    userId: txnId,
    txnId,
    email,
    phone: '+919000000001',
  };
  const { status } = await carom.call('POST', '/v1/transactions', { key: KEY, body });
  assert.equal(status, 202);
  return server.mail(index);
}

interface View {
  state: string;
  legs: { state: string; reason: string | null; messages: { state: string; reason: string | null }[] }[];
}

const view = async (txnId: string): Promise<View> =>
  (await carom.call('GET', `/v1/transactions/${txnId}`, { key: KEY })).body as View;

/** A notification as mail servers write it (RFC 3464). */
function notification({ from, to }: TakenMail, action: string, status: string, diagnostic = ''): string {
  return [
    'Return-Path: <>',
    'From: Mail Delivery System <MAILER-DAEMON@mx.example.net>',
    `To: <${from}>`,
    'Subject: Mail delivery',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"',
    '',
    '--=_b',
    'Content-Type: text/plain; charset=iso-8859-1',
    'Content-Transfer-Encoding: 8bit',
    '',
    'Zustellung gescheitert: Empf\u00e4nger unbekannt',
    '--=_b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example.net',
    '',
    `Final-Recipient: rfc822; ${to[0]}`,
    `Action: ${action}`,
    `Status: ${status}`,
    ...(diagnostic ? [`Diagnostic-Code: smtp; ${diagnostic}`] : []),
    '',
    '--=_b--',
    '',
  ].join('\r\n');
}

/** Hands a mail to the node's own server, as another server would. @returns what that says. */
async function returnMail(to: string, raw: string): Promise<string> {
  const [, port] = /taking mail on \S+:(\d+)/.exec(carom.output) ?? [];
  const transport = createTransport({ host: '127.0.0.1', port: Number(port), ignoreTLS: true });
  try {
    return (await transport.sendMail({ envelope: { from: '', to: [to] }, raw: Buffer.from(raw, 'latin1') })).response;
  } catch (error) {
    return (error as { response?: string }).response ?? (error as Error).message;
  }
}

async function post(provider: string, raw: string): Promise<Answer> {
  const listed = await carom.call('GET', `/v1/providers/${provider}`, { key: KEY });
  const response = await fetch(listed.body.receiptUrl, {
    method: 'POST',
    headers: { 'content-type': 'message/rfc822' },
    body: Buffer.from(raw, 'latin1'),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

describe('a bounce', () => {
  test('to the node’s own mail server starts the next leg, and suppresses the address', async () => {
    const mail = await send('bounce-1', 'gone@example.net');
    assert.match(mail.from, /^b\+[0-9a-f-]{36}\.[0-9a-f]{16}@bounce\.example\.com$/);
    const bounce = notification(mail, 'failed', '5.1.1', '550 5.1.1 No such user');
    assert.match(await returnMail(mail.from, bounce), /^250 /);
    const { state, legs } = await carom.ended('shop', 'bounce-1');
    assert.deepEqual([state, legs[0].state, legs[1].state], ['succeeded', 'undelivered', 'delivered']);
    assert.match(legs[0].messages[0].reason, /^invalid_address: 550 5\.1\.1/);
    const { body } = await carom.call('GET', '/v1/suppressions?channel=email', { key: KEY });
    assert.deepEqual(
      body.data.map(({ address, reason }: { address: string; reason: string }) => [address, reason]),
      [['gone@example.net', 'hard_bounce']],
    );
  });

  test('posted as message/rfc822 does the same, in whatever encoding', async () => {
    const mail = await send('bounce-2', 'full@example.net');
    const { status, body } = await post('mail', notification(mail, 'failed', '5.2.2', '552 5.2.2 Mailbox full'));
    assert.deepEqual([status, body], [200, { taken: 1 }]);
    const { state, legs } = await carom.ended('shop', 'bounce-2');
    assert.deepEqual([state, legs[0].messages[0].reason.split(':')[0]], ['succeeded', 'mailbox_full']);
  });

  test('to an address that was never given out is refused, at the gate', async () => {
    const mail = await send('bounce-3', 'ana@example.net');
    const [mark] = /[0-9a-f-]{36}\.[0-9a-f]{16}/.exec(mail.from)!;
    const forged = mark.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    const bounce = notification(mail, 'failed', '5.1.1');
    for (const to of [
      `b+${forged}@bounce.example.com`,
      `b+${mark}@other.example.com`,
      `x+${mark}@bounce.example.com`,
      'ana@example.net',
    ])
      assert.match(await returnMail(to, bounce), /^550 5\.1\.1/, to);
    assert.equal((await view('bounce-3')).state, 'running');
    assert.match(await returnMail(mail.from, notification(mail, 'delayed', '4.4.1')), /^250 /);
    assert.equal((await view('bounce-3')).state, 'running');
    assert.match(await returnMail(mail.from.toUpperCase(), notification(mail, 'delivered', '2.0.0')), /^250 /);
    const { state, legs } = await carom.ended('shop', 'bounce-3');
    assert.deepEqual([state, legs[0].state, legs[1].state], ['succeeded', 'delivered', 'skipped']);
  });

  test('of another provider, or of nobody, changes nothing', async () => {
    const mail = await send('bounce-4', 'ana@example.net');
    const bounce = notification(mail, 'failed', '5.1.1');
    assert.deepEqual((await post('other-mail', bounce)).body, { taken: 0 });
    assert.deepEqual((await post('mail', bounce.replaceAll(/[0-9a-f]{16}@/g, '0123456789abcdef@'))).body, { taken: 0 });
    assert.equal((await post('mail', '{"no":"mail"}')).status, 400);
    assert.equal((await view('bounce-4')).state, 'running');
    assert.deepEqual((await post('mail', bounce)).body, { taken: 1 });
    await carom.ended('shop', 'bounce-4');
  });
});

test('a complaint ends the chain and suppresses the address', async () => {
  const mail = await send('complaint-1', 'angry@example.net');
  const [header] = /^Message-ID:\s+<\S+>/im.exec(mail.raw.toString())!;
  const complaint = [
    'From: feedback@isp.example',
    'To: fbl@bounce.example.com',
    'Subject: FW: Your order',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=feedback-report; boundary="=_b"',
    '',
    '--=_b',
    'Content-Type: text/plain',
    '',
    'This is an abuse report.',
    '--=_b',
    'Content-Type: message/feedback-report',
    '',
    'Feedback-Type: abuse',
    'User-Agent: ISP/1.0',
    'Version: 1',
    '',
    '--=_b',
    'Content-Type: text/rfc822-headers',
    '',
    'From: shop@example.com',
    header,
    '',
    '--=_b--',
    '',
  ].join('\r\n');
  assert.match(await returnMail('fbl@bounce.example.com', complaint), /^250 /);
  const { state, legs } = await carom.ended('shop', 'complaint-1');
  assert.deepEqual([state, legs[0].state, legs[1].state], ['succeeded', 'delivered', 'skipped']);
  const { body } = await carom.call('GET', '/v1/suppressions/email/angry@example.net', { key: KEY });
  assert.equal(body.reason, 'complaint');
});

test('an address that the server itself refuses for good is suppressed: the next mail to it is not sent', async () => {
  server.answering = ({ step }) => (step === 'recipient' ? '550 5.1.1 No such user here' : null);
  const body = {
    campaignIds: ['~mail', '~sms'],
    mode: 'fallback_on_delivery_failure',
    userId: 'dead',
    email: 'dead@example.net',
    phone: '+919000000001',
  };
  await carom.call('POST', '/v1/transactions', { key: KEY, body: { ...body, txnId: 'dead-1' } });
  const first = await carom.ended('shop', 'dead-1');
  assert.match(first.legs[0].messages[0].reason, /^invalid_address: 550 5\.1\.1/);
  server.answering = () => null;
  await carom.call('POST', '/v1/transactions', { key: KEY, body: { ...body, txnId: 'dead-2' } });
  const second = await carom.ended('shop', 'dead-2');
  assert.deepEqual([second.legs[0].state, second.legs[0].reason], ['skipped', 'suppressed']);
});

test('a node that has just been started takes at once what comes back', async () => {
  const mail = await send('restart-1', 'back@example.net');
  await carom.stop();
  carom = await startCarom({ dataDir, args: ['--smtp-port', '0'] });
  assert.match(await returnMail(mail.from, notification(mail, 'failed', '5.4.7')), /^250 /);
  const { state, legs } = await carom.ended('shop', 'restart-1');
  assert.deepEqual([state, legs[0].messages[0].reason], ['succeeded', 'expired: 5.4.7']);
});
