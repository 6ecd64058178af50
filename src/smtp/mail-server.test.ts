import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import test, { describe } from 'node:test';
import type { TestContext } from 'node:test';
import { createTransport } from 'nodemailer';
import { testTools } from '../../tests/support/provider-tools.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../../tests/support/certificate.ts';
import { OverloadedError, StoreUnavailableError } from '#ports/unavailable.ts';
import { mailboxes } from './mailboxes.ts';
import { startMailServer } from './mail-server.ts';
import type { MailServerOptions } from './mail-server.ts';

const MAIL = 'Subject: Undelivered\r\n\r\nfailed\r\n';

interface Taken {
  address: string;
  beginning: string;
}

/** A server with one reader, who owns `*@bounce.example.com` and is told how to take. */
async function bench(t: TestContext, options: Partial<MailServerOptions> = {}) {
  const tools = testTools();
  const boxes = mailboxes();
  const taken: Taken[] = [];
  const reader = {
    owns: (address: string) => address.endsWith('@bounce.example.com'),
    take: async (address: string, beginning: Buffer) => {
      await under.taking();
      taken.push({ address, beginning: beginning.toString('latin1') });
    },
  };
  const takeBack = boxes.offer(reader);
  const server = await startMailServer({ port: 0, host: '127.0.0.1', tls: null, ...options }, boxes, tools.log);
  t.after(() => server.close());
  const under = { server, tools, taken, takeBack, taking: async () => {} };
  return under;
}

/** A connection that speaks by hand. */
async function talk(t: TestContext, port: number) {
  const socket: Socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  const lines = replies(socket);
  const say = async (line: string): Promise<string> => {
    socket.write(`${line}\r\n`);
    return (await lines.next()).value ?? 'closed';
  };
  assert.match((await lines.next()).value!, /^220 /);
  assert.match(await say('EHLO mx.example.net'), /^250/);
  return { say, socket };
}

/** The last line of each reply. */
async function* replies(socket: Socket): AsyncGenerator<string, undefined> {
  let rest = '';
  for await (const chunk of socket) {
    rest += String(chunk);
    const lines = rest.split('\r\n');
    rest = lines.pop()!;
    yield* lines.filter((line) => /^\d{3} /.test(line));
  }
  return undefined;
}

async function until354({ say }: Awaited<ReturnType<typeof talk>>, ...to: string[]): Promise<void> {
  assert.match(await say('MAIL FROM:<>'), /^250/);
  for (const address of to) assert.match(await say(`RCPT TO:<${address}>`), /^250/);
  assert.match(await say('DATA'), /^354/);
}

describe('mail to an address of ours', () => {
  test('is answered when it is durable, not before', async (t) => {
    const under = await bench(t);
    const [asked, durable] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    under.taking = () => {
      asked.resolve();
      return durable.promise;
    };
    const talking = await talk(t, under.server.port);
    await until354(talking, 'b@bounce.example.com');
    let isAnswered = false;
    const answer = talking.say(`${MAIL}.`).finally(() => (isAnswered = true));
    await asked.promise;
    assert.equal(isAnswered, false);
    durable.resolve();
    assert.match(await answer, /^250/);
    assert.deepEqual(under.taken, [{ address: 'b@bounce.example.com', beginning: MAIL }]);
  });

  test('comes again where it cannot be stored now', async (t) => {
    const under = await bench(t);
    const talking = await talk(t, under.server.port);
    for (const error of [new StoreUnavailableError('away'), new OverloadedError('too many'), new Error('a bug')]) {
      under.taking = () => Promise.reject(error);
      await until354(talking, 'b@bounce.example.com');
      assert.match(await talking.say(`${MAIL}.`), /^451 4\.3\.0/);
    }
    assert.equal(under.tools.warnings.length, 1, 'only the bug is logged');
    under.taking = async () => {};
    await until354(talking, 'b@bounce.example.com');
    assert.match(await talking.say(`${MAIL}.`), /^250/);
  });

  test('keeps its bytes, and of a long one the beginning', async (t) => {
    const under = await bench(t);
    const long = `Subject: \u00fc\r\n\r\n${'0123456789\r\n'.repeat(100_000)}`;
    const transport = createTransport({ host: '127.0.0.1', port: under.server.port, ignoreTLS: true });
    await transport.sendMail({
      envelope: { from: '', to: ['b@bounce.example.com'] },
      raw: Buffer.from(long, 'latin1'),
    });
    assert.equal(under.taken[0]!.beginning, long.slice(0, 131_072));
  });

  test('of several is told to each, and of too many refused', async (t) => {
    const under = await bench(t);
    const talking = await talk(t, under.server.port);
    const addresses = Array.from({ length: 10 }, (_, n) => `b${n}@bounce.example.com`);
    assert.match(await talking.say('MAIL FROM:<>'), /^250/);
    for (const address of addresses) assert.match(await talking.say(`RCPT TO:<${address}>`), /^250/);
    assert.match(await talking.say('RCPT TO:<more@bounce.example.com>'), /^452 4\.5\.3/);
    assert.match(await talking.say('DATA'), /^354/);
    assert.match(await talking.say(`${MAIL}.`), /^250/);
    assert.deepEqual(
      under.taken.map(({ address }) => address),
      addresses,
    );
  });

  test('larger than it may be is refused before it is sent', async (t) => {
    const { server } = await bench(t);
    const { say } = await talk(t, server.port);
    assert.match(await say('MAIL FROM:<> SIZE=99999999999'), /^552/);
  });
});

describe('mail to anybody else', () => {
  test('is refused: nothing is relayed', async (t) => {
    const { server } = await bench(t);
    const { say } = await talk(t, server.port);
    assert.match(await say('MAIL FROM:<eve@example.org>'), /^250/);
    for (const to of ['ana@example.net', 'b@bounce.example.com.example.net', 'ana%example.net@example.com'])
      assert.match(await say(`RCPT TO:<${to}>`), /^550 5\.1\.1/, to);
    assert.match(await say('DATA'), /^503/);
    assert.match(await say('AUTH PLAIN AGEAYg=='), /^5/);
  });

  test('is not guessed for long', async (t) => {
    const { server } = await bench(t);
    const { say } = await talk(t, server.port);
    await say('MAIL FROM:<>');
    for (let n = 1; n < 10; n++) assert.match(await say(`RCPT TO:<b${n}@example.net>`), /^550/);
    assert.match(await say('RCPT TO:<b10@example.net>'), /^421/);
    assert.equal(await say('NOOP'), 'closed');
  });

  test('is what mail becomes when its provider is closed', async (t) => {
    const under = await bench(t);
    under.takeBack();
    const { say } = await talk(t, under.server.port);
    await say('MAIL FROM:<>');
    assert.match(await say('RCPT TO:<b@bounce.example.com>'), /^550/);
  });
});

describe('TLS', () => {
  const envelope = { from: '', to: ['b@bounce.example.com'] };
  const send = (port: number) =>
    createTransport({ host: '127.0.0.1', port, requireTLS: true, tls: { ca: CERTIFICATE } }).sendMail({
      envelope,
      raw: MAIL,
    });

  test('is offered with a certificate', async (t) => {
    const { server, taken } = await bench(t, { tls: { cert: CERTIFICATE, key: CERTIFICATE_KEY } });
    assert.match((await send(server.port)).response, /^250/);
    assert.equal(taken.length, 1);
  });

  test('is not without', async (t) => {
    const { server, taken } = await bench(t);
    await assert.rejects(send(server.port));
    assert.equal(taken.length, 0);
  });
});

test('a connection that breaks in the middle of a mail changes nothing', async (t) => {
  const under = await bench(t);
  const talking = await talk(t, under.server.port);
  await until354(talking, 'b@bounce.example.com');
  const closed = new Promise((resolve) => talking.socket.once('close', resolve));
  talking.socket.write('Subject: half');
  talking.socket.destroy();
  await closed;
  const again = await talk(t, under.server.port);
  await until354(again, 'b@bounce.example.com');
  assert.match(await again.say(`${MAIL}.`), /^250/);
  assert.equal(under.taken.length, 1);
});
