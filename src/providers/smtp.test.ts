import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { describeProvider } from '../../tests/conformance/provider.ts';
import { startMailServer } from '../../tests/support/mail-server.ts';
import { callbackWith, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import { bench, mailTo, open, pick, rawServer, rejection, settingsFor } from '../../tests/support/smtp-bench.ts';
import { CERTIFICATE } from '../../tests/support/certificate.ts';
import { marksOf } from './bounce-address.ts';
import { smtpProvider } from './smtp.ts';

/** A report as mail servers write it. */
function report(mark: string, action: string): Buffer {
  return Buffer.from(
    [
      'From: MAILER-DAEMON@mx.example.net',
      `To: b+${mark}@bounce.example.com`,
      'Subject: Delivery report',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status; boundary="=b"',
      '',
      '--=b',
      'Content-Type: text/plain',
      '',
      'This is what happened.',
      '--=b',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; mx.example.net',
      '',
      'Final-Recipient: rfc822; ana@example.net',
      `Action: ${action}`,
      'Status: 2.0.0',
      '',
      '--=b--',
      '',
    ].join('\r\n'),
  );
}

describeProvider('smtp', async () => {
  const server = await startMailServer();
  const tools = testTools();
  const config = { ...providerConfig('smtp', settingsFor(server.port)), channel: 'email' as const };
  const provider = smtpProvider.open(config, tools);
  const marks = marksOf(config);
  const seen = new Set<string>();
  server.answering = ({ step, address }) => {
    const fate = address.split('@')[0];
    if (step === 'recipient' && fate === 'refused') return '550 5.1.1 No such user';
    if (step === 'message' && fate === 'failing') return '451 4.3.0 Try again later';
    if (step === 'message' && fate === 'unanswered') return new Promise(() => undefined);
    if (step === 'recipient' && fate === 'throttled' && !seen.has(address)) {
      seen.add(address);
      return '421 4.7.28 Unusual rate of mail';
    }
    return null;
  };
  return {
    provider,
    message: (fate) => mailTo(`${fate}@example.net`),
    arrived: async () => void (await server.mail(0)),
    names: () => server.mails.map(({ dsn }) => dsn.envid!.split('.')[0]!),
    passTimeout: () => tools.pass(30_000),
    callback: ({ messageId }, wanted) =>
      callbackWith(wanted === 'delivered' ? report(marks.of(messageId), 'delivered') : Buffer.from('{"no": "mail"}')),
    foreignCallback: ({ messageId }) => callbackWith(report(marks.of(messageId), 'delayed')),
    async close() {
      await server.close();
      await provider.close();
    },
  };
});

describe('TLS', () => {
  test('STARTTLS is asked for, and nothing is said before it', async (t) => {
    const { server, send } = await bench(t, { tls: 'starttls', ca: CERTIFICATE }, { disabledCommands: [] });
    assert.equal((await send()).kind, 'accepted');
    assert.equal(server.mails[0]!.isEncrypted, true);
  });

  test('from the first byte', async (t) => {
    const { server, send } = await bench(t, { tls: 'implicit', ca: CERTIFICATE }, { secure: true });
    assert.equal((await send()).kind, 'accepted');
    assert.equal(server.mails[0]!.isEncrypted, true);
  });

  test('a server without STARTTLS gets nothing where it is wanted, and a mail where it is not', async (t) => {
    const wanted = await bench(t, { tls: 'starttls', ca: CERTIFICATE });
    const { reason, retryable } = rejection(await wanted.send());
    assert.deepEqual([reason, retryable, wanted.server.mails.length], ['connection_failed', true, 0]);
    const opportunistic = await bench(t, { tls: 'opportunistic' });
    assert.equal((await opportunistic.send()).kind, 'accepted');
    const offered = await bench(t, { tls: 'opportunistic' }, { disabledCommands: [] });
    assert.equal((await offered.send()).kind, 'accepted');
    assert.equal(offered.server.mails[0]!.isEncrypted, true);
  });

  test('a certificate nobody vouches for is a connection that was not made', async (t) => {
    const { server, send } = await bench(t, { tls: 'starttls' }, { disabledCommands: [] });
    const { reason, retryable, detail } = rejection(await send());
    assert.deepEqual([reason, retryable, server.mails.length], ['connection_failed', true, 0]);
    assert.match(detail!, /self.signed/i);
  });
});

describe('login', () => {
  const options = {
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: (
      { username, password }: { username?: string | undefined; password?: string | null | undefined },
      _session: unknown,
      callback: (error: Error | null, response?: { user: string }) => void,
    ) =>
      password === 's3cret'
        ? callback(null, { user: username! })
        : callback(Object.assign(new Error('5.7.8 Authentication credentials invalid'), { responseCode: 535 })),
  };

  test('with the right password', async (t) => {
    const { server, send } = await bench(t, { user: 'shop', password: 's3cret' }, options);
    assert.equal((await send()).kind, 'accepted');
    assert.equal(server.mails[0]!.user, 'shop');
  });

  test('with a wrong one is the fault of the provider, and says no password', async (t) => {
    const { send } = await bench(t, { user: 'shop', password: 'wr0ng' }, options);
    const outcome = rejection(await send());
    assert.deepEqual([outcome.reason, outcome.retryable, outcome.tryElsewhere], ['unauthorized', false, true]);
    assert.doesNotMatch(JSON.stringify(outcome), /wr0ng|d3Iwbmc/);
  });

  test('that the server wants and does not get, or does not offer', async (t) => {
    const wanted = await bench(t, {}, options);
    assert.deepEqual(pick(rejection(await wanted.send())), ['unauthorized', false, true]);
    const missing = await bench(t, { user: 'shop', password: 's3cret' }, { disabledCommands: ['AUTH', 'STARTTLS'] });
    assert.deepEqual(pick(rejection(await missing.send())), ['unauthorized', false, true]);
  });
});

describe('reports of deliveries', () => {
  test('are asked for where the server offers DSN', async (t) => {
    const { server, send } = await bench(t);
    const outcome = await send();
    const [{ from, dsn }] = server.mails as [(typeof server.mails)[0]];
    const mark = dsn.envid!;
    assert.deepEqual(dsn, {
      envid: mark,
      ret: 'HDRS',
      notify: ['SUCCESS', 'FAILURE'],
      orcpt: 'rfc822;ana@example.net',
    });
    assert.equal(from, `b+${mark}@bounce.example.com`);
    assert.deepEqual(outcome, { kind: 'accepted', ref: `${mark}@example.com` });
  });

  test('are not where it does not, and then the sender alone names the message', async (t) => {
    const { server, send } = await bench(t, {}, { hideDSN: true });
    assert.equal((await send()).kind, 'accepted');
    assert.deepEqual(server.mails[0]!.dsn, { envid: null, ret: null, notify: [], orcpt: null });
    assert.match(server.mails[0]!.from, /^b\+[0-9a-f-]{36}\.[0-9a-f]{16}@bounce\.example\.com$/);
  });
});

describe('what the server says', () => {
  const REPLIES: [step: 'sender' | 'recipient' | 'message', reply: string, expected: unknown[]][] = [
    ['recipient', '450 4.2.0 Greylisted, see http://postgrey.example', ['greylisted', true, undefined]],
    ['recipient', '451 4.7.1 Greylisting in action, please come back later', ['greylisted', true, undefined]],
    ['recipient', '550 No such user here', ['invalid_address', false, undefined]],
    [
      'recipient',
      '550 5.1.1 The email account that you tried to reach does not exist',
      ['invalid_address', false, undefined],
    ],
    ['recipient', '552 5.2.2 Over quota', ['mailbox_full', false, undefined]],
    ['recipient', '452 4.2.2 Over quota', ['mailbox_full', true, undefined]],
    ['recipient', '550 5.7.1 Relaying denied', ['unauthorized', false, true]],
    ['sender', '553 5.1.8 Sender address rejected: Domain not found', ['invalid_sender', false, true]],
    ['message', '554 5.7.1 Message rejected as spam', ['blocked', false, true]],
    ['message', '554 5.6.0 Message contains bare newlines', ['invalid_content', false, undefined]],
    ['message', '452 4.3.1 Insufficient system storage', ['provider_error', true, undefined]],
  ];
  for (const [step, reply, expected] of REPLIES)
    test(`${step}: ${reply}`, async (t) => {
      const { server, send } = await bench(t);
      server.answering = (asked) => (asked.step === step ? reply : null);
      const outcome = rejection(await send());
      assert.deepEqual(pick(outcome), expected);
      server.answering = () => null;
      assert.equal((await send()).kind, 'accepted', 'the connection goes on');
    });

  test('an address that does not exist is gone', async (t) => {
    const { server, send } = await bench(t);
    server.answering = ({ address }) => (address.startsWith('ana') ? '550 5.1.1 User unknown' : null);
    assert.deepEqual(rejection(await send('ana@example.net')).gone, ['ana@example.net']);
    server.answering = ({ step }) => (step === 'recipient' ? '550 5.7.1 Blocked' : null);
    assert.equal(rejection(await send('ana@example.net')).gone, undefined);
  });

  test('too large, by its own word or by its answer', async (t) => {
    const { server, send } = await bench(t, {}, { size: 10_000 });
    const large = { body: 'x'.repeat(20_000) };
    assert.deepEqual(pick(rejection(await send('ana@example.net', large))), ['too_large', false, true]);
    assert.equal(server.mails.length, 0);
    const silent = await bench(t, {}, { size: 10_000, hideSize: true });
    assert.deepEqual(pick(rejection(await silent.send('ana@example.net', large))), ['too_large', false, true]);
    assert.equal((await silent.send()).kind, 'accepted');
  });

  test('too fast', async (t) => {
    const { server, send } = await bench(t);
    server.answering = () => '454 Throttling failure: Maximum sending rate exceeded.';
    assert.deepEqual(await send(), { kind: 'throttled', retryAfterMs: 5_000 });
    server.answering = () => '454 Throttling failure: Daily message quota exceeded.';
    assert.deepEqual(await send(), { kind: 'throttled', retryAfterMs: 600_000 });
  });

  test('at the greeting', async (t) => {
    const busy = open(await rawServer(t, (socket) => socket.end('421 4.3.2 Service shutting down\r\n')));
    assert.deepEqual(pick(rejection(await busy.send(mailTo('ana@example.net')))), ['provider_error', true, undefined]);
    const listed = open(await rawServer(t, (socket) => socket.end('554 5.7.1 Your IP is blocked\r\n')));
    assert.deepEqual(pick(rejection(await listed.send(mailTo('ana@example.net')))), ['blocked', false, true]);
    const crowded = open(await rawServer(t, (socket) => socket.end('421 4.7.0 Too many connections\r\n')));
    assert.equal((await crowded.send(mailTo('ana@example.net'))).kind, 'throttled');
  });

  test('something that is no SMTP', async (t) => {
    const settings = await rawServer(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n<html>'));
    assert.deepEqual(pick(rejection(await open(settings).send(mailTo('ana@example.net')))), [
      'connection_failed',
      true,
      undefined,
    ]);
  });
});
