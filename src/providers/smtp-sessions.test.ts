import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { testTools } from '../../tests/support/provider-tools.ts';
import {
  answerWith,
  bench,
  mailTo,
  open,
  pick,
  rawServer,
  rejection,
  settingsFor,
} from '../../tests/support/smtp-bench.ts';

describe('connections', () => {
  test('are kept, and never more than allowed', async (t) => {
    const { server, send } = await bench(t, { concurrency: 3 });
    for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 12 }, () => send()));
    assert.equal(server.mails.length, 60);
    assert(server.connections <= 3, `${server.connections} connections`);
  });

  test('are ended when nobody needs them, and after a hundred mails', async (t) => {
    const { server, tools, send } = await bench(t, { concurrency: 1 });
    for (let n = 0; n < 101; n++) assert.equal((await send()).kind, 'accepted');
    assert.equal(server.connections, 2);
    tools.pass(30_000);
    await send();
    assert.equal(server.connections, 3);
  });

  test('that the server has closed meanwhile lose nothing', async (t) => {
    const { server, send } = await bench(t, { concurrency: 1 });
    await send();
    server.hangUp();
    assert.equal((await send()).kind, 'accepted');
    assert.equal(server.mails.length, 2);
  });

  test('that the server ends by 421 lose nothing', async (t) => {
    const { server, send } = await bench(t, { concurrency: 1 });
    await send();
    let ended = 0;
    server.answering = ({ step }) => (step === 'sender' && ended++ === 0 ? '421 4.4.2 Idle for too long' : null);
    assert.equal((await send()).kind, 'accepted');
    assert.equal(server.mails.length, 2);
  });

  test('refused, or to a host nobody knows, may be tried again', async (t) => {
    const { server, send } = await bench(t);
    await server.close();
    const refused = rejection(await send());
    assert.deepEqual(pick(refused), ['connection_failed', true, undefined]);
    assert.match(refused.detail!, /ECONNREFUSED/);
    const nobody = open({ ...settingsFor(25), host: 'mail.invalid' });
    assert.deepEqual(pick(rejection(await nobody.send(mailTo('ana@example.net')))), [
      'connection_failed',
      true,
      undefined,
    ]);
  });

  test('to a server without PIPELINING are used like others', async (t) => {
    const { server, send } = await bench(t, { concurrency: 1 }, { hidePIPELINING: true });
    server.answering = ({ step, address }) => (step === 'recipient' && address.startsWith('x') ? '550 5.7.1 No' : null);
    assert.deepEqual(pick(rejection(await send('x@example.net'))), ['blocked', false, true]);
    assert.equal((await send()).kind, 'accepted');
    server.hangUp();
    assert.equal((await send()).kind, 'accepted');
    assert.equal(server.connections, 2);
  });

  test('after closing nothing is sent', async (t) => {
    const { provider, send } = await bench(t);
    await provider.close();
    assert.deepEqual(pick(rejection(await send())), ['connection_failed', true, undefined]);
  });
});

describe('a connection that breaks', () => {
  /** The dialogue until the mail itself. */
  const TILL_DATA = ['250 mx.example.net', '250 ok', '250 ok', '354 go on'];

  test('before the mail is over has not sent it', async (t) => {
    const settings = await rawServer(t, (socket) => {
      answerWith(socket, [...TILL_DATA]);
      let bytes = 0;
      socket.on('data', (chunk) => {
        bytes += chunk.length;
        if (bytes > 100_000) socket.destroy();
      });
    });
    // More than all buffers on the way hold.
    const content = Buffer.alloc(30_000_000);
    const file = {
      name: 'a.bin',
      type: 'application/octet-stream',
      sizeBytes: content.length,
      content: async () => content,
    };
    const outcome = await open(settings).send(mailTo('ana@example.net', { attachments: [file] }));
    assert.deepEqual(pick(rejection(outcome)), ['connection_failed', true, undefined]);
  });

  test('after it is over leaves it unknown', async (t) => {
    const settings = await rawServer(t, (socket) => {
      answerWith(socket, [...TILL_DATA]);
      socket.on('data', (chunk) => chunk.includes('\r\n.\r\n') && socket.destroy());
    });
    const outcome = await open(settings).send(mailTo('ana@example.net'));
    assert.deepEqual(outcome, { kind: 'unknown', reason: 'connection_lost' });
  });

  test('an answer that is no SMTP says nothing: before the mail is over it is not sent, after it unknown', async (t) => {
    const before = await rawServer(t, (socket) => answerWith(socket, ['250 mx.example.net', 'what?']));
    const outcome = await open(before).send(mailTo('ana@example.net'));
    assert.deepEqual(pick(rejection(outcome)), ['connection_failed', true, undefined]);
    const after = await rawServer(t, (socket) => {
      answerWith(socket, [...TILL_DATA]);
      socket.on('data', (chunk) => chunk.includes('\r\n.\r\n') && socket.write('<html>\r\n'));
    });
    const lost = await open(after).send(mailTo('ana@example.net'));
    assert.deepEqual(lost, { kind: 'unknown', reason: 'connection_lost' });
  });

  test('time that runs out before that has sent nothing, whatever the server trickles', async (t) => {
    const greeted = Promise.withResolvers<void>();
    const settings = await rawServer(t, (socket) => {
      socket.write('220-mx.example.net\r\n');
      socket.write('220-still here\r\n', () => greeted.resolve());
    });
    const tools = testTools();
    const sending = open(settings, tools).send(mailTo('ana@example.net'));
    await greeted.promise;
    tools.pass(30_000);
    assert.deepEqual(pick(rejection(await sending)), ['connection_failed', true, undefined]);
  });

  test('time that runs out while others use all connections has sent nothing', async (t) => {
    const { server, tools, send } = await bench(t, { concurrency: 1 });
    server.answering = ({ step }) => (step === 'message' ? new Promise(() => undefined) : null);
    const [first, second] = [send('one@example.net'), send('two@example.net')];
    await server.mail(0);
    tools.pass(30_000);
    assert.deepEqual(await first, { kind: 'unknown', reason: 'timeout' });
    assert.deepEqual(pick(rejection(await second)), ['connection_failed', true, undefined]);
    server.answering = () => null;
    assert.equal((await send('three@example.net')).kind, 'accepted', 'the place is free again');
  });

  test('an answer without end is cut off', async (t) => {
    const settings = await rawServer(t, (socket) => {
      const line = `220-${'x'.repeat(1_000)}\r\n`;
      const write = () => {
        while (!socket.destroyed && socket.write(line));
      };
      socket.on('drain', write);
      write();
    });
    assert.deepEqual(pick(rejection(await open(settings).send(mailTo('ana@example.net')))), [
      'connection_failed',
      true,
      undefined,
    ]);
  });
});
