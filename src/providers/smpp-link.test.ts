import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import test, { describe } from 'node:test';
import { outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import { settingsFor, smppBench } from '../../tests/support/smpp-bench.ts';
import { receiptText, startSmsc, takeAs } from '../../tests/support/smsc.ts';
import { COMMAND, cstring, wire } from '../../tests/support/smsc-wire.ts';
import { smppProvider } from './smpp.ts';

/** More than a session has to last to be made anew at once. */
const LASTING_MS = 6_000;
/** More than the first pause. */
const PAUSE_MS = 500;
const ENQUIRE_LINK_MS = 30_000;
const TIMEOUT_MS = 10_000;
const LOST = { kind: 'unknown', reason: 'connection_lost' };

describe('the bind', () => {
  const bench = smppBench();

  test('is made at once, with what the settings say', async () => {
    bench.open({ systemType: 'VMA', addressRange: '^91', addressTon: 1, addressNpi: 1 });
    const { bind } = await bench.smsc.bound(0);
    assert.deepEqual(bind, {
      command: COMMAND.bindTransceiver,
      systemId: 'carom',
      password: 's3cret',
      systemType: 'VMA',
      version: 0x34,
      addressRange: [1, 1, '^91'],
    });
  });

  test('may be two: one sends, over the other one receipts come', async () => {
    const provider = bench.open({ bind: 'transmitter_receiver' });
    const links = [await bench.smsc.bound(0), await bench.smsc.bound(1)];
    const receiver = links.find(({ bind }) => bind!.command === COMMAND.bindReceiver)!;
    assert(links.some(({ bind }) => bind!.command === COMMAND.bindTransmitter));
    let from: object | null = null;
    bench.smsc.taking = (link, submission, n) => {
      from = link;
      takeAs(() => 'one')(link, submission, n);
    };
    assert.equal((await provider.send(outgoing())).kind, 'accepted');
    assert.notEqual(from, receiver);
    assert.equal(await receiver.deliver({ text: receiptText('one', 'DELIVRD') }), 0);
    assert.equal(bench.tools.received[0]?.ref, 'one');
  });

  test('refused for the credentials: another provider may take it, and it is tried again only much later', async () => {
    bench.smsc.bindStatus = 0x0e;
    const provider = bench.open();
    const detail = 'the bind was refused: ESME_RINVPASWD (0x0000000E)';
    const refusal = { kind: 'rejected', reason: 'unauthorized', detail, retryable: false, tryElsewhere: true };
    assert.deepEqual(await provider.send(outgoing()), refusal);
    bench.smsc.bindStatus = 0;
    bench.tools.pass(14_000);
    assert.deepEqual(await provider.send(outgoing()), refusal);
    bench.tools.pass(16_000);
    assert.equal((await provider.send(outgoing())).kind, 'accepted');
    assert.equal(bench.smsc.links.length, 2);
  });

  test('refused for anything else may pass', async () => {
    bench.smsc.bindStatus = 0x05;
    const provider = bench.open();
    const outcome = await provider.send(outgoing());
    assert(outcome.kind === 'rejected' && outcome.reason === 'bind_refused' && outcome.retryable);
    bench.smsc.bindStatus = 0;
    bench.tools.pass(PAUSE_MS);
    assert.equal((await provider.send(outgoing())).kind, 'accepted');
  });

  test('not answered: nothing was sent', async () => {
    bench.smsc.bindStatus = null;
    const provider = bench.open();
    const sending = provider.send(outgoing());
    await bench.smsc.bound(0);
    bench.tools.pass(TIMEOUT_MS);
    const outcome = await sending;
    assert(outcome.kind === 'rejected' && outcome.retryable && outcome.reason === 'connection_failed');
    assert.equal(outcome.detail, 'the bind was not answered within 10000 ms');
  });

  test('nobody there: told at once, and found when somebody is', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    const tools = testTools();
    const provider = smppProvider.open(providerConfig('smpp', settingsFor({ port })), tools);
    for (let tries = 0; tries < 2; tries++) {
      const outcome = await provider.send(outgoing());
      assert(outcome.kind === 'rejected' && outcome.retryable && outcome.reason === 'connection_failed');
      assert.match(outcome.detail!, /ECONNREFUSED/);
    }
    const smsc = await startSmsc(null, port);
    tools.pass(PAUSE_MS);
    assert.equal((await provider.send(outgoing())).kind, 'accepted');
    await provider.close();
    await smsc.close();
  });

  test('somebody who does not answer, after a failed try: told within a second', async () => {
    bench.smsc.bindStatus = 0x08;
    const provider = bench.open();
    assert.equal((await provider.send(outgoing())).kind, 'rejected');
    bench.smsc.bindStatus = null;
    bench.tools.pass(PAUSE_MS);
    const sending = provider.send(outgoing());
    await bench.smsc.bound(1);
    bench.tools.pass(1_000);
    const outcome = await sending;
    assert(outcome.kind === 'rejected' && outcome.detail === 'the bind was refused: ESME_RSYSERR (0x00000008)');
    bench.tools.pass(TIMEOUT_MS);
  });

  test('a name that does not resolve is no connection', async () => {
    const outcome = await bench.send({ host: `${'a'.repeat(64)}.example` });
    assert(outcome.kind === 'rejected' && outcome.retryable && outcome.reason === 'connection_failed');
    assert.match(outcome.detail!, /ENOTFOUND/);
  });

  test('is ended all the same where the peer does not say farewell', async () => {
    bench.smsc.answersUnbinds = false;
    const provider = bench.open();
    const link = await bench.smsc.bound(0);
    assert.equal((await provider.send(outgoing())).kind, 'accepted');
    const closing = provider.close();
    await bench.smsc.unbound(1);
    bench.tools.pass(2_000);
    await Promise.all([closing, link.gone]);
  });

  test('is ended politely', async () => {
    const provider = bench.open();
    const link = await bench.smsc.bound(0);
    assert.equal((await provider.send(outgoing())).kind, 'accepted');
    await provider.close();
    await link.gone;
    assert.equal(bench.smsc.unbinds, 1);
    assert.equal((await provider.send(outgoing())).kind, 'rejected');
    bench.tools.pass(60_000);
    assert.equal(bench.smsc.links.length, 1);
  });
});

describe('the window', () => {
  const bench = smppBench();

  test('lets so many wait for their answers, the others for their turn', async () => {
    bench.smsc.taking = () => undefined;
    const provider = bench.open({ window: 2 });
    const sending = Promise.all(Array.from({ length: 5 }, () => provider.send(outgoing())));
    await bench.smsc.submission(1);
    const link = await bench.smsc.bound(0);
    assert.equal((await link.ask(COMMAND.enquire)).status, 0);
    assert.equal(bench.smsc.submissions.length, 2);
    bench.smsc.taking = takeAs((n) => `id-${n}`);
    for (const [n, one] of bench.smsc.submissions.slice(0, 2).entries())
      link.answer(COMMAND.submit, one.sequence, 0, cstring(`id-${n}`));
    assert((await sending).every(({ kind }) => kind === 'accepted'));
  });

  test('broken in the middle: what was written is unknown, what was not certainly was not sent', async () => {
    bench.smsc.taking = () => undefined;
    const provider = bench.open({ window: 3 });
    const sending = Promise.all(Array.from({ length: 5 }, () => provider.send(outgoing())));
    await bench.smsc.submission(2);
    (await bench.smsc.bound(0)).cut();
    const outcomes = await sending;
    assert.deepEqual(
      outcomes.slice(0, 3),
      Array.from({ length: 3 }, () => LOST),
    );
    for (const outcome of outcomes.slice(3)) {
      assert(outcome.kind === 'rejected' && outcome.retryable && outcome.reason === 'connection_failed');
    }
  });

  test('what nobody answers is unknown, what had no room was not sent', async () => {
    bench.smsc.taking = () => undefined;
    const provider = bench.open({ window: 1 });
    const sending = Promise.all([provider.send(outgoing()), provider.send(outgoing())]);
    await bench.smsc.submission(0);
    bench.tools.pass(TIMEOUT_MS);
    const [first, second] = await sending;
    assert.deepEqual(first, { kind: 'unknown', reason: 'timeout' });
    assert(second.kind === 'rejected' && second.retryable);
  });

  test('an answer that comes too late, or to nothing, changes nothing', async () => {
    bench.smsc.taking = () => undefined;
    const provider = bench.open();
    const sending = provider.send(outgoing());
    const { sequence } = await bench.smsc.submission(0);
    bench.tools.pass(TIMEOUT_MS);
    assert.equal((await sending).kind, 'unknown');
    const link = await bench.smsc.bound(0);
    link.answer(COMMAND.submit, sequence, 0, cstring('late'));
    link.answer(COMMAND.submit, 4_711, 0, cstring('never asked'));
    bench.smsc.taking = takeAs(() => 'next');
    assert.deepEqual(await provider.send(outgoing()), { kind: 'accepted', ref: 'next' });
    assert.equal(bench.smsc.links.length, 1);
  });
});

describe('a session that ends', () => {
  const bench = smppBench();

  test('after a while is followed by the next one at once', async () => {
    const provider = bench.open();
    assert.equal((await provider.send(outgoing())).kind, 'accepted');
    bench.tools.pass(LASTING_MS);
    (await bench.smsc.bound(0)).cut();
    await bench.smsc.bound(1);
    assert.equal((await provider.send(outgoing())).kind, 'accepted');
  });

  test('as soon as it has begun is followed by a pause', async () => {
    const provider = bench.open();
    assert.equal((await provider.send(outgoing())).kind, 'accepted');
    const link = await bench.smsc.bound(0);
    link.raw(wire(COMMAND.unbind, false, 0, 1));
    await bench.warned(1);
    const outcome = await provider.send(outgoing());
    assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
    bench.tools.pass(PAUSE_MS);
    assert.equal((await provider.send(outgoing())).kind, 'accepted');
    assert.equal(bench.smsc.links.length, 2);
  });

  test('because the peer unbinds: it is answered, and what it still answers counts', async () => {
    bench.smsc.taking = (link, submission, n) => {
      link.raw(wire(COMMAND.unbind, false, 0, 1));
      takeAs(() => 'last')(link, submission, n);
    };
    assert.deepEqual(await bench.send({}), { kind: 'accepted', ref: 'last' });
  });

  test('because the peer does not know of it any more', async () => {
    const provider = bench.open();
    assert.equal((await provider.send(outgoing())).kind, 'accepted');
    bench.tools.pass(LASTING_MS);
    bench.smsc.taking = (link, { sequence }) => link.answer(COMMAND.submit, sequence, 0x04);
    const outcome = await provider.send(outgoing());
    assert(outcome.kind === 'rejected' && outcome.retryable && outcome.reason === 'provider_error');
    await bench.smsc.bound(1);
  });

  test('because the peer says nothing any more', async () => {
    bench.smsc.answersEnquiries = false;
    bench.open();
    const link = await bench.smsc.bound(0);
    assert.equal((await link.ask(COMMAND.enquire)).status, 0);
    bench.tools.pass(ENQUIRE_LINK_MS);
    await bench.smsc.enquired(1);
    bench.tools.pass(TIMEOUT_MS);
    await link.gone;
    await bench.smsc.bound(1);
    assert.deepEqual(reasons(), ['it does not answer enquire_link']);
  });

  test('not because of a peer that is asked and answers', async () => {
    bench.open();
    const link = await bench.smsc.bound(0);
    assert.equal((await link.ask(COMMAND.enquire)).status, 0);
    for (let asked = 1; asked <= 3; asked++) {
      bench.tools.pass(ENQUIRE_LINK_MS);
      await bench.smsc.enquired(asked);
      assert.equal((await link.ask(COMMAND.enquire)).status, 0);
    }
    assert.equal(bench.smsc.links.length, 1);
  });

  const malformed: [what: string, bytes: string, reason: RegExp][] = [
    ['a length below that of a header', '0000000f80000004000000000000000001', /a PDU of 15 bytes/],
    ['a length of nothing', '00000000', /a PDU of 0 bytes/],
    ['a length of four gigabytes', 'ffffffff', /a PDU of 4294967295 bytes/],
    ['a length beyond the bound', '00004001', /a PDU of 16385 bytes/],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n').toString('hex'), /a PDU of 1213486160 bytes/],
    ['a nack to nothing', '00000010800000000000000200000000', /could not read what it was sent: ESME_RINVCMDLEN/],
  ];
  for (const [what, bytes, reason] of malformed)
    test(`because of ${what}: the reason is logged, what was under way is unknown, the next one is bound`, async () => {
      bench.tools.pass(LASTING_MS);
      const provider = bench.open();
      const link = await bench.smsc.bound(0);
      assert.equal((await link.ask(COMMAND.enquire)).status, 0);
      bench.tools.pass(LASTING_MS);
      bench.smsc.taking = () => link.raw(Buffer.from(bytes, 'hex'));
      assert.deepEqual(await provider.send(outgoing()), LOST);
      bench.smsc.taking = takeAs(() => 'next');
      assert.equal((await provider.send(outgoing())).kind, 'accepted');
      assert.match(reasons()[0]!, reason);
    });

  const reasons = () => bench.tools.warnings.map((fields) => (fields as { reason: string }).reason);
});

describe('a PDU whose body cannot be read', () => {
  const bench = smppBench();

  test('as a delivery is refused for good, and the others go on', async () => {
    bench.open();
    const link = await bench.smsc.bound(0);
    const answer = await link.ask(COMMAND.deliver, Buffer.from('00', 'hex'));
    assert.equal(answer.status, 0x65);
    assert.equal(await link.deliver({ text: receiptText('7', 'DELIVRD') }), 0);
    assert.equal(bench.tools.received.length, 1);
  });

  test('as an answer leaves the message unknown, and the others go on', async () => {
    const provider = bench.open();
    bench.smsc.taking = (link, { sequence }) =>
      link.answer(COMMAND.submit, sequence, 0, Buffer.from('0000010203', 'hex'));
    await provider.send(outgoing());
    bench.smsc.taking = (link, { sequence }) => link.answer(COMMAND.enquire, sequence);
    assert.deepEqual(await provider.send(outgoing()), { kind: 'unknown', reason: 'unreadable_answer' });
    bench.smsc.taking = takeAs(() => 'next');
    assert.deepEqual(await provider.send(outgoing()), { kind: 'accepted', ref: 'next' });
    assert.equal(bench.smsc.links.length, 1);
  });

  test('of a command nobody knows is answered so', async () => {
    bench.open();
    const link = await bench.smsc.bound(0);
    const answer = await link.ask(0x0f00);
    assert.deepEqual([answer.command, answer.status], [COMMAND.nack, 0x03]);
  });
});

describe('bytes that come as they like', () => {
  const bench = smppBench();

  test('a PDU in pieces, and several at once, are read alike', async () => {
    bench.open();
    const link = await bench.smsc.bound(0);
    const pdu = wire(COMMAND.enquire, false, 0, 77);
    const answered = link.ask(COMMAND.enquire);
    for (const byte of pdu) link.raw(Buffer.of(byte));
    link.raw(Buffer.concat(Array(50).fill(pdu) as Buffer[]));
    await answered;
    assert.equal((await link.ask(COMMAND.enquire)).status, 0);
    assert.equal(bench.smsc.links.length, 1);
  });
});
