import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { callbackWith, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import { settingsFor, smppBench } from '../../tests/support/smpp-bench.ts';
import { receiptText, refuseWith, startSmsc, takeAs } from '../../tests/support/smsc.ts';
import type { Taking } from '../../tests/support/smsc.ts';
import { COMMAND, TLV, cstring, fromGsm7, fromUcs2, tlv, unpack } from '../../tests/support/smsc-wire.ts';
import type { Submission } from '../../tests/support/smsc-wire.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import type { JsonObject } from '#domain/request.ts';
import { smppProvider } from './smpp.ts';
import { referenceOf } from './smpp-submit.ts';

const DIGITS: Fate[] = ['accepted', 'refused', 'failing', 'throttled', 'unanswered'];

describeProvider('smpp', async () => {
  const smsc = await startSmsc();
  const tools = testTools();
  const provider = smppProvider.open(providerConfig('smpp', settingsFor(smsc, { window: 50 })), tools);
  const messages: OutgoingMessage[] = [];
  const seen = new Set<string>();
  const takeIt: Taking = (link, { sequence, dest }) =>
    link.answer(COMMAND.submit, sequence, 0, cstring(`ref-${dest[2]}`));
  const answers: Record<Fate, Taking> = {
    accepted: takeIt,
    refused: refuseWith(0x0b),
    failing: refuseWith(0x08),
    throttled: refuseWith(0x58),
    unanswered: () => undefined,
  };
  smsc.taking = (link, submission, n) => {
    const to = submission.dest[2];
    const fate = DIGITS[Number(to.at(-1))]!;
    answers[fate === 'throttled' && seen.has(to) ? 'accepted' : fate](link, submission, n);
    seen.add(to);
  };
  return {
    provider,
    message: (fate) => {
      const message = outgoing({ to: `+91999999999${DIGITS.indexOf(fate)}` });
      messages.push(message);
      return message;
    },
    arrived: async () => void (await smsc.submission(0)),
    names: () =>
      smsc.submissions.map(({ tlvs }) => {
        const reference = tlvs.get(TLV.userMessageReference)!.readUInt16BE();
        return messages.find(({ messageId }) => referenceOf(messageId) === reference)!.messageId;
      }),
    passTimeout: () => tools.pass(10_000),
    callback: () => callbackWith({}),
    foreignCallback: () => null,
    report: async ({ to }, report) => {
      const link = await smsc.bound(0);
      const stat = report === 'delivered' ? 'DELIVRD' : 'PONDERED';
      assert.equal(await link.deliver({ text: receiptText(`ref-${to.slice(1)}`, stat) }), 0);
      return tools.received;
    },
    async close() {
      await smsc.close();
      await provider.close();
    },
  };
});

describe('a submission', () => {
  const bench = smppBench();
  const only = () => bench.smsc.submissions[0]!;

  test('has addresses, alphabet and a wish for a receipt', async () => {
    assert.deepEqual(await bench.send({}), { kind: 'accepted', ref: 'id-0' });
    const { source, dest, esmClass, dataCoding, registeredDelivery, validityPeriod, serviceType } = only();
    assert.deepEqual(
      [source, dest],
      [
        [5, 0, 'CAROM'],
        [1, 1, '919999999999'],
      ],
    );
    assert.deepEqual([esmClass, dataCoding, registeredDelivery, validityPeriod, serviceType], [0, 0, 1, '', '']);
    assert.equal(fromGsm7(only().shortMessage), 'Hi Ana');
  });

  const senders: [from: string | null, settings: JsonObject, source: Submission['source']][] = [
    ['+14155550100', {}, [1, 1, '14155550100']],
    ['919876543210', {}, [1, 1, '919876543210']],
    ['56789', {}, [3, 0, '56789']],
    ['Shop & Co', {}, [5, 0, 'Shop & Co']],
    [null, {}, [0, 0, '']],
    [null, { from: 'SHOP' }, [5, 0, 'SHOP']],
    ['CAROM', { sourceTon: 6, sourceNpi: 9 }, [6, 9, 'CAROM']],
  ];
  for (const [from, settings, source] of senders)
    test(`from ${from} with ${JSON.stringify(settings)}: ${source.join(' ')}`, async () => {
      await bench.send(settings, { from });
      assert.deepEqual(only().source, source);
    });

  test('has what the settings say', async () => {
    const own = {
      destTon: 2,
      destNpi: 8,
      serviceType: 'OTP',
      registeredDelivery: 17,
      validityPeriod: '26h',
      dataCoding: 1,
    };
    await bench.send(own);
    const { dest, serviceType, registeredDelivery, validityPeriod, dataCoding } = only();
    assert.deepEqual(dest, [2, 8, '919999999999']);
    assert.deepEqual([serviceType, registeredDelivery, validityPeriod, dataCoding], ['OTP', 17, '000001020000000R', 1]);
  });

  test('asks for no receipt where there are none', async () => {
    const config = { ...providerConfig('smpp', settingsFor(bench.smsc)), receipts: 'none' as const };
    const provider = smppProvider.open(config, bench.tools);
    await provider.send(outgoing());
    assert.equal(only().registeredDelivery, 0);
    assert.equal(provider.receiptsByRef, false);
    await provider.close();
  });

  test('has our reference only where the peer knows optional fields, and the settings let it', async () => {
    const message = outgoing();
    await bench.open().send(message);
    assert.equal(only().tlvs.get(TLV.userMessageReference)?.readUInt16BE(), referenceOf(message.messageId));
    await bench.open({ userReference: false }).send(message);
    bench.smsc.saysVersion = false;
    await bench.open().send(message);
    for (const { tlvs } of bench.smsc.submissions.slice(1)) assert.equal(tlvs.size, 0);
  });

  test('a text that cannot be sent is refused', async () => {
    const provider = bench.open({ maxParts: 2 });
    const reasonOf = async (changes: Partial<OutgoingMessage>) => {
      const outcome = await provider.send(outgoing(changes));
      return outcome.kind === 'rejected' && !outcome.retryable && `${outcome.reason}: ${outcome.detail}`;
    };
    assert.equal(await reasonOf({ body: '' }), 'invalid_content: the text is empty');
    assert.equal(await reasonOf({ body: null }), 'invalid_content: the text is empty');
    const tooLong = 'invalid_content: the text takes 3 short messages; maxParts is 2';
    assert.equal(await reasonOf({ body: 'a'.repeat(400) }), tooLong);
    assert.match(String(await reasonOf({ from: 'Läden' })), /^invalid_sender/);
    assert.equal(bench.smsc.submissions.length, 0);
  });
});

describe('a long text', () => {
  const bench = smppBench();
  const gsm = `${'{a}'.repeat(60)}${'b'.repeat(200)}€`;
  const unicode = `${'हि'.repeat(33)}😀${'👩‍👩‍👧'.repeat(20)}`;

  /** The texts of the parts, their headers checked. */
  function assembled(headerOctets: 6 | 7, read: (bytes: Buffer) => string): string {
    const { submissions } = bench.smsc;
    const references = submissions.map(({ shortMessage }) =>
      shortMessage.subarray(3, headerOctets - 2).toString('hex'),
    );
    assert.equal(new Set(references).size, 1);
    for (const [index, { shortMessage, esmClass }] of submissions.entries()) {
      assert.equal(esmClass, 0x40);
      assert(shortMessage.length <= (read === fromUcs2 ? 140 : 160));
      const header = headerOctets === 6 ? [5, 0, 3] : [6, 8, 4];
      assert.deepEqual([...shortMessage.subarray(0, 3)], header);
      assert.deepEqual([...shortMessage.subarray(headerOctets - 2, headerOctets)], [submissions.length, index + 1]);
    }
    return submissions.map(({ shortMessage }) => read(shortMessage.subarray(headerOctets))).join('');
  }

  for (const [longMessages, header] of [
    ['udh', 6],
    ['udh16', 7],
  ] as const) {
    test(`${longMessages}: a header of ${header} octets in GSM`, async () => {
      await bench.send({ longMessages }, { body: gsm });
      assert.equal(assembled(header, fromGsm7), gsm);
    });

    test(`${longMessages}: a header of ${header} octets in UCS-2`, async () => {
      await bench.send({ longMessages }, { body: unicode });
      assert.equal(assembled(header, fromUcs2), unicode);
    });
  }

  test('packed septets begin after the header at a multiple of seven bits', async () => {
    const body = 'Ten chars.'.repeat(20);
    await bench.send({ alphabet: 'gsm7_packed' }, { body });
    assert.equal(assembled(6, (bytes) => fromGsm7(unpack(bytes, 1))).trimEnd(), body);
  });

  test('payload: one field with all of it, and a short text as ever', async () => {
    const provider = bench.open({ longMessages: 'payload' });
    await provider.send(outgoing({ body: gsm }));
    await provider.send(outgoing({ body: unicode }));
    await provider.send(outgoing({ body: 'short' }));
    const [first, second, third] = bench.smsc.submissions as [Submission, Submission, Submission];
    assert.equal(fromGsm7(first.tlvs.get(TLV.payload)!), gsm);
    assert.equal(fromUcs2(second.tlvs.get(TLV.payload)!), unicode);
    assert.deepEqual([first.shortMessage.length, first.esmClass, second.dataCoding], [0, 0, 8]);
    assert.equal(third.tlvs.has(TLV.payload), false);
    assert.equal(fromGsm7(third.shortMessage), 'short');
  });

  test('sar: optional fields instead of a header', async () => {
    await bench.send({ longMessages: 'sar' }, { body: gsm });
    const { submissions } = bench.smsc;
    assert.equal(submissions.map(({ shortMessage }) => fromGsm7(shortMessage)).join(''), gsm);
    for (const [index, { tlvs, esmClass }] of submissions.entries()) {
      assert.equal(esmClass, 0);
      assert.equal(tlvs.get(TLV.sarNumber)![0], index + 1);
      assert.equal(tlvs.get(TLV.sarCount)![0], submissions.length);
      assert.deepEqual(tlvs.get(TLV.sarReference), submissions[0]!.tlvs.get(TLV.sarReference));
    }
  });

  test('only the last part asks for a receipt, and its reference is the message’s', async () => {
    assert.deepEqual(await bench.send({}, { body: gsm }), { kind: 'accepted', ref: 'id-3' });
    assert.deepEqual(
      bench.smsc.submissions.map((one) => one.registeredDelivery),
      [0, 0, 0, 1],
    );
  });

  test('every attempt has the same reference in its headers', async () => {
    const provider = bench.open();
    const message = outgoing({ body: gsm });
    await provider.send(message);
    await provider.send(message);
    const headers = bench.smsc.submissions.map(({ shortMessage }) => shortMessage.subarray(0, 6).toString('hex'));
    assert.deepEqual(headers.slice(0, 4), headers.slice(4));
  });

  test('behind a part that is not taken, no other is sent', async () => {
    bench.smsc.taking = (link, submission, n) =>
      n === 0 ? takeAs(() => 'first')(link, submission, n) : refuseWith(0x58)(link, submission, n);
    assert.deepEqual(await bench.send({}, { body: gsm }), { kind: 'throttled', retryAfterMs: 1_000 });
    assert.equal(bench.smsc.submissions.length, 2);
  });
});

describe('an answer', () => {
  const bench = smppBench();

  const table: [status: number, settings: JsonObject, outcome: object][] = [
    [0x14, {}, { kind: 'throttled', retryAfterMs: 1_000 }],
    [0x58, { throttlePause: '5s' }, { kind: 'throttled', retryAfterMs: 5_000 }],
    [0x0b, {}, refused('invalid_number', 'ESME_RINVDSTADR (0x0000000B)', { retryable: false })],
    [0x08, {}, refused('provider_error', 'ESME_RSYSERR (0x00000008)', { retryable: true })],
    [0x0a, {}, refused('invalid_sender', 'ESME_RINVSRCADR (0x0000000A)', { retryable: false, tryElsewhere: true })],
    [0x4a1, {}, refused('refused', 'command_status 0x000004A1', { retryable: false, tryElsewhere: true })],
    [
      0x4a1,
      { statuses: { '0x04A1': 'no_credit' } },
      refused('no_credit', 'command_status 0x000004A1', { retryable: false, tryElsewhere: true }),
    ],
    [0x45, { statuses: { '69': 'throttled' } }, { kind: 'throttled', retryAfterMs: 1_000 }],
  ];
  for (const [status, settings, outcome] of table)
    test(`0x${status.toString(16)} with ${JSON.stringify(settings)}`, async () => {
      bench.smsc.taking = refuseWith(status);
      assert.deepEqual(await bench.send(settings), outcome);
    });

  test('a generic_nack is one, too', async () => {
    bench.smsc.taking = (link, { sequence }) => link.answer(COMMAND.nack, sequence, 0x02);
    const outcome = await bench.send({});
    assert(outcome.kind === 'rejected' && outcome.reason === 'invalid_parameter');
  });

  test('without an id the message is taken, and nothing can be reported on it', async () => {
    bench.smsc.taking = takeAs(() => '');
    assert.deepEqual(await bench.send({}), { kind: 'accepted', ref: null });
  });

  test('an id in hexadecimal is kept in decimal where the reports have that', async () => {
    bench.smsc.taking = takeAs(() => '7BC');
    const provider = bench.open({ messageIds: 'hex_to_decimal' });
    assert.deepEqual(await provider.send(outgoing()), { kind: 'accepted', ref: '1980' });
    const link = await bench.smsc.bound(0);
    assert.equal(await link.deliver({ text: receiptText('0000001980', 'DELIVRD') }), 0);
    assert.equal(bench.tools.received[0]?.ref, '1980');
  });
});

describe('what is delivered', () => {
  const bench = smppBench();

  test('is answered once it is durable, not before', async () => {
    const durable = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    bench.tools.receive = () => {
      asked.resolve();
      return durable.promise;
    };
    bench.open();
    const link = await bench.smsc.bound(0);
    const answers: string[] = [];
    const answering = link.deliver({ text: receiptText('7', 'DELIVRD') }).then((status) => answers.push(`${status}`));
    await asked.promise;
    assert.deepEqual(await link.ask(COMMAND.enquire).then(({ status }) => [status, ...answers]), [0]);
    durable.resolve();
    await answering;
    assert.deepEqual(answers, ['0']);
  });

  test('is to come again when it cannot be taken', async () => {
    bench.tools.receive = () => Promise.reject(new Error('the database is away'));
    bench.open();
    const link = await bench.smsc.bound(0);
    assert.equal(await link.deliver({ text: receiptText('7', 'DELIVRD') }), 0x64);
    assert.equal(bench.tools.warnings.length, 1);
  });

  test('by data_sm is a receipt as well', async () => {
    bench.open();
    const link = await bench.smsc.bound(0);
    assert.equal(await link.data([tlv(TLV.receiptedMessageId, cstring('7')), tlv(TLV.state, Buffer.of(5))]), 0);
    assert.deepEqual(bench.tools.received, [
      { messageId: null, ref: '7', status: 'undelivered', reason: 'undeliverable' },
    ]);
  });

  test('from a phone is acknowledged, and ignored; so is an alert', async () => {
    bench.open();
    const link = await bench.smsc.bound(0);
    assert.equal(await link.deliver({ text: 'STOP', esmClass: 0 }), 0);
    link.raw(Buffer.from('0000001a00000102000000000000004d01013900010139003200', 'hex'));
    assert.equal((await link.ask(COMMAND.enquire)).status, 0);
    assert.deepEqual(bench.tools.received, []);
  });
});

function refused(reason: string, detail: string, follows: object): object {
  return { kind: 'rejected', reason, detail, ...follows };
}
