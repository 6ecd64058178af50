/** The table of semantics §2 row by row, then §3, §5, §10 and §11: what a script of news comes to in each mode. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { play } from '../../tests/support/domain/play.ts';
import type { Given } from '../../tests/support/domain/play.ts';
import { tellState } from '../../tests/support/domain/tell-state.ts';
import type { ReceiptStatus } from './message.ts';
import { MODES, advance, hasEnded, isSending } from './transaction.ts';
import type { Mode } from './transaction.ts';

const [ALL, ATTEMPT, DELIVERY] = MODES;
const HOUR_MS = 3_600_000;

const repeat = (line: string, times: number) => Array.from({ length: times }, () => line).join('; ');
const THREE_RETRIES = 'error 1; due; error 1; due; error 1; due; error 1';

/** What some rows are given besides two plain legs. */
const GIVEN: Record<string, Given> = {
  confirms: { legs: [{ receiptTimeoutMs: 60_000 }, { receiptTimeoutMs: 60_000 }] },
  silent: { legs: [{ receipts: 'none' }, { receipts: 'none' }] },
  'silent but patient': { legs: [{ receipts: 'none', receiptTimeoutMs: 1_000 }, {}] },
  ttl: { ttlMs: 60_000 },
  'ttl 1 s': { ttlMs: 1_000 },
  'ttl 1 s, one leg': { ttlMs: 1_000, legs: [{}] },
  'ttl 1 s, in 5 s': { ttlMs: 1_000, startsInMs: 5_000 },
  'in 5 s': { startsInMs: 5_000 },
  'one leg': { legs: [{}] },
  leave: { legs: [{ onUnknown: 'leave' }, {}] },
};

/** What happened | how | what it comes to in `all` | on attempt failure | on delivery failure | given. `=`: as on its left. */
const TABLE = `
start                           |                                          | running: sending, sending        | running: sending, pending              | =
provider accepted               | took 0                                   | running: accepted, sending       | succeeded: accepted, chain_succeeded   | running: accepted, pending
receipt: sent                   | took 0; sent 0                           | running: sent, sending           | succeeded: sent, chain_succeeded       | running: sent, pending
refused for good                | rejected 0                               | running: rejected, sending       | =                                      | =
error that may pass             | error 0                                  | running: queued, sending         | running: rejected, sending             | =
the same, last leg              | rejected 0; error 1                      | running: rejected, queued        | =                                      | =
its retry                       | rejected 0; error 1; due                 | running: rejected, sending       | =                                      | =
retries used up                 | rejected 0; ${THREE_RETRIES}             | completed: rejected, rejected    | failed: rejected, rejected             | =
no usable address               | skipped 0 no_address                     | running: no_address, sending     | =                                      | =
suppressed                      | skipped 0 suppressed                     | running: suppressed, sending     | =                                      | =
opted out                       | skipped 0 opted_out                      | running: opted_out, sending      | =                                      | =
campaign no longer running      | skipped 0 campaign_not_running           | running: campaign_not_running, sending | =                                | =
all legs skipped                | skipped 0 no_address; skipped 1 opted_out | completed: no_address, opted_out | failed: no_address, opted_out         | =
answer lost                     | unknown 0                                | running: unknown, sending        | =                                      | =
the same, last leg              | rejected 0; unknown 1; due               | running: rejected, sending       | =                                      | =
answer lost for good            | rejected 0; ${THREE_RETRIES.replaceAll('error', 'unknown')} | completed: rejected, unknown | failed: rejected, unknown | =
throttled                       | throttled 0 3000                         | running: queued, sending         | running: queued, pending               | =
throttled, then sent            | throttled 0 3000; due                    | running: sending, sending        | running: sending, pending              | =
throttled for too long          | throttled 0 5001                         | running: queued, sending         | running: rejected, sending             | =
throttled for too long at last  | throttled 0 3000; due; throttled 0 3000  | running: queued, sending         | running: rejected, sending             | =
the same, last leg              | rejected 0; throttled 1 9000; due        | running: rejected, sending       | =                                      | =
receipt: delivered              | took 0; delivered 0                      | running: delivered, sending      | succeeded: delivered, chain_succeeded  | =
receipt: read                   | took 0; read 0                           | running: read, sending           | succeeded: read, chain_succeeded       | =
receipt: opened                 | took 0; opened 0                         | running: read, sending           | succeeded: read, chain_succeeded       | =
receipt: clicked                | took 0; clicked 0                        | running: read, sending           | succeeded: read, chain_succeeded       | =
receipt: undelivered            | took 0; undelivered 0                    | running: undelivered, sending    | succeeded: undelivered, chain_succeeded | running: undelivered, sending
silence, receiptTimeout         | took 0; +60000; timer                    | running: unconfirmed, sending    | succeeded: accepted, chain_succeeded   | running: unconfirmed, sending | confirms
the same, last leg              | rejected 0; took 1; +60000; timer        | completed: rejected, unconfirmed | succeeded: rejected, accepted          | unconfirmed: rejected, unconfirmed | confirms
silence without limit           | took 0; +259199999; timer                | running: accepted, sending       | succeeded: accepted, chain_succeeded   | running: accepted, pending
silence until the window ends   | took 0; +259200000; timer                | running: accepted, sending       | succeeded: accepted, chain_succeeded   | unconfirmed: unconfirmed, ttl_expired
silence until the TTL ends      | took 0; +60000; timer                    | running: accepted, sending       | succeeded: accepted, chain_succeeded   | expired: accepted, ttl_expired | ttl
last leg ended badly            | rejected 0; rejected 1                   | completed: rejected, rejected    | failed: rejected, rejected             | =
last leg undelivered            | rejected 0; took 1; undelivered 1        | completed: rejected, undelivered | succeeded: rejected, undelivered       | failed: rejected, undelivered
receipts: none                  | took 0                                   | running: accepted, sending       | succeeded: accepted, chain_succeeded   | running: unconfirmed, sending | silent
receipts: none, last leg        | rejected 0; took 1                       | completed: rejected, accepted    | succeeded: rejected, accepted          | unconfirmed: rejected, unconfirmed | silent
receipts: none, receiptTimeout  | took 0; +999; timer                      | running: accepted, sending       | succeeded: accepted, chain_succeeded   | running: accepted, pending | silent but patient
receipts: none, and its end     | took 0; +1000; timer                     | running: unconfirmed, sending    | succeeded: accepted, chain_succeeded   | running: unconfirmed, sending | silent but patient
`;

const MODE_OF: Record<string, Mode> = { all: ALL, attempt: ATTEMPT, delivery: DELIVERY };

/** One test a line: name | mode | script | outcome | given. */
function testLines(lines: string): void {
  for (const line of lines.trim().split('\n')) {
    const [name, mode = '', script = '', outcome, given = ''] = line.split('|').map((cell) => cell.trim());
    test(`${name} (${mode}: ${script})`, () =>
      assert.equal(play(MODE_OF[mode]!, script, GIVEN[given]).outcome, outcome));
  }
}

describe('semantics §2: when the next leg starts', () => {
  for (const line of TABLE.trim().split('\n')) {
    const [row, script = '', all, attempt, delivery, given = ''] = line.split('|').map((cell) => cell.trim());
    test(`${row} (${script})`, () => {
      const onAttempt = attempt === '=' ? all : attempt;
      const expected = [all, onAttempt, delivery === '=' ? onAttempt : delivery];
      assert.deepEqual(
        MODES.map((mode) => play(mode, script, GIVEN[given]).outcome),
        expected,
      );
    });
  }

  test('retries come after 0.5 s, 2 s and 8 s and up to a fifth more, and keep their number', () => {
    let spent = 0;
    for (const [retries, backoffMs] of [500, 2_000, 8_000].entries()) {
      const { now, transaction } = play(ALL, repeat('error 0; due', retries + 1), { legs: [{}] });
      assert.ok(now - spent >= backoffMs && now - spent <= backoffMs * 1.2, `${now - spent} ms`);
      assert.equal(transaction.messages[0]!.facts.attempts, retries + 2);
      spent = now;
    }
  });

  test('a campaign’s own retry policy; its last backoff goes on', () => {
    const legs = [{ retry: { attempts: 3, backoffMs: [100] } }];
    assert.equal(play(ALL, repeat('error 0; due', 2), { legs }).outcome, 'running: sending');
    assert.equal(play(ALL, `${repeat('error 0; due', 2)}; error 0`, { legs }).outcome, 'completed: rejected');
  });

  test('waiting for a throttled provider uses no attempt up', () => {
    const script = `${repeat('throttled 0 1000; due', 5)}; ${repeat('error 0; due', 3)}`;
    assert.equal(play(ALL, script, { legs: [{}] }).outcome, 'running: sending');
    assert.equal(play(ALL, `${script}; error 0`, { legs: [{}] }).outcome, 'completed: rejected');
  });

  const LATE: [name: string, mode: Mode, script: string, outcome: string, late: boolean][] = [
    [
      'after a later leg has started',
      DELIVERY,
      'took 0; undelivered 0; delivered 0',
      'succeeded: delivered, sending',
      true,
    ],
    [
      'while a later leg waits',
      DELIVERY,
      'unknown 0; throttled 1 1000; read 0',
      'succeeded: read, chain_succeeded',
      true,
    ],
    ['after failed', DELIVERY, 'unknown 0; rejected 1; delivered 0', 'succeeded late: delivered, rejected', true],
    [
      'after failed, on attempt failure',
      ATTEMPT,
      'unknown 0; rejected 1; delivered 0',
      'succeeded late: delivered, rejected',
      true,
    ],
    [
      'after unconfirmed',
      DELIVERY,
      `took 0; +${72 * HOUR_MS}; timer; delivered 0`,
      'succeeded late: delivered, ttl_expired',
      true,
    ],
    ['after succeeded', ATTEMPT, 'took 0; delivered 0', 'succeeded: delivered, chain_succeeded', false],
    ['after cancelled', DELIVERY, 'took 0; cancelled; delivered 0', 'cancelled: delivered, cancelled', true],
    ['after completed', ALL, 'took 0; took 1; delivered 0', 'completed: delivered, accepted', false],
  ];
  for (const [name, mode, script, outcome, late] of LATE) {
    test(`a positive receipt ${name}`, () => {
      const played = play(mode, script);
      assert.equal(played.outcome, outcome);
      assert.equal(played.transaction.messages[0]!.facts.late ?? false, late);
      assert.equal(play(mode, `${script}; ${script.split('; ').at(-1)}`).outcome, outcome, 'twice');
    });
  }

  test('receipts that overtake the provider’s answer are not lost, and prove that it accepted', () => {
    for (const status of ['accepted', 'sent', 'undelivered'] as ReceiptStatus[]) {
      assert.match(play(ATTEMPT, `${status} 0`).outcome, /^succeeded: /);
    }
    const { transaction, outcome } = play(DELIVERY, 'delivered 0; took 0');
    assert.equal(outcome, 'succeeded: delivered, chain_succeeded');
    assert.equal(transaction.messages[0]!.facts.ref, 'ref');
  });

  test('a receipt for what was never handed over changes nothing', () => {
    assert.equal(play(DELIVERY, 'delivered 1').outcome, 'running: sending, pending');
    assert.equal(play(DELIVERY, 'skipped 0 no_address; delivered 0').outcome, 'running: no_address, sending');
  });

  test('it is remembered to whom a message went, and when first; being put off is not being sent', () => {
    const to = (at: number) => ({ channel: 'sms', provider: 'p', to: '+1', at }) as const;
    const { transaction } = play(DELIVERY, '');
    const put = advance(
      transaction,
      { kind: 'throttled', message: 0, attempt: 1, retryAfterMs: 9, handover: to(1) },
      1,
    ).transaction;
    assert.deepEqual([put.messages[0]!.facts.to, put.messages[0]!.facts.sentAt], ['+1', undefined]);
    const again = advance(put, { kind: 'timer' }, 9).transaction;
    const taken = advance(
      again,
      { kind: 'accepted', message: 0, attempt: 2, ref: null, handover: to(9) },
      11,
    ).transaction;
    assert.equal(taken.messages[0]!.facts.sentAt, 9);
  });

  test('a message that does not exist is a bug of the caller', () => {
    assert.throws(() => play(ALL, 'delivered 7'), /has no message 7/);
  });
});

describe('semantics §3: TTL', () => {
  testLines(`
passes between two legs                    | delivery | took 0; due                           | expired: accepted, ttl_expired      | ttl 1 s
no leg at the deadline                     | attempt  | +1000; rejected 0                     | expired: rejected, ttl_expired      | ttl 1 s
one a millisecond before it                | attempt  | +999; rejected 0                      | running: rejected, sending          | ttl 1 s
does not interrupt a send                  | delivery | due; took 0                           | expired: accepted, ttl_expired      | ttl 1 s
acceptance after it revives nothing        | attempt  | due; took 0                           | expired: accepted, ttl_expired      | ttl 1 s
a positive receipt after it does           | attempt  | due; delivered 0                      | succeeded late: delivered, ttl_expired | ttl 1 s
no retry is planned past it                | all      | +600; error 0                         | completed: rejected                 | ttl 1 s, one leg
no retry by a late timer                   | all      | unknown 0; +5000; timer               | completed: unknown                  | ttl 1 s, one leg
ends a throttled wait                      | delivery | throttled 0 3000; due                 | expired: ttl_expired, ttl_expired   | ttl 1 s
ends a throttled wait of all               | all      | took 0; throttled 1 3000; due         | expired: accepted, ttl_expired      | ttl 1 s
waits for what is under way in all         | all      | throttled 1 3000; due                 | running: sending, ttl_expired       | ttl 1 s
… and ends with it                         | all      | throttled 1 3000; due; took 0         | expired: accepted, ttl_expired      | ttl 1 s
means nothing once every leg is triggered  | delivery | rejected 0; took 1; +2000; timer      | running: rejected, accepted         | ttl 1 s
… then the receipt window decides          | delivery | rejected 0; took 1; due               | unconfirmed: rejected, unconfirmed  | ttl 1 s
counts from startAt                        | delivery | due; +999; rejected 0                 | running: rejected, sending          | ttl 1 s, in 5 s
passes before the first leg                | delivery | +6000; timer                          | expired: ttl_expired, ttl_expired   | ttl 1 s, in 5 s
passes before the first leg of all         | all      | +6000; timer                          | expired: ttl_expired, ttl_expired   | ttl 1 s, in 5 s
`);
});

describe('semantics §5: event and profile, once', () => {
  const kinds = (mode: Mode, script: string, given?: Given) =>
    play(mode, script, given).effects.map(({ kind }) => kind);
  const CASES: [name: string, mode: Mode, before: string, then: string, given?: Given][] = [
    ['after the first leg’s attempt', DELIVERY, '', 'took 0'],
    ['after its refusal', DELIVERY, '', 'rejected 0'],
    ['after its first attempt, not its last', DELIVERY, '', 'error 0', { legs: [{}] }],
    ['not while it waits unsent', DELIVERY, 'throttled 0 1000; due', 'took 0'],
    ['after the attempts of all', ALL, 'took 0', 'skipped 1 no_address'],
    ['by a receipt that came first', DELIVERY, '', 'delivered 0'],
    ['after a cancel under way', DELIVERY, 'cancelled', 'took 0'],
    ['after a crash', DELIVERY, 'rescued', 'took 0'],
    ['when the TTL passed before the start', DELIVERY, '', '+6000; timer', { ttlMs: 1_000, startsInMs: 5_000 }],
  ];
  for (const [name, mode, before, then, given] of CASES) {
    test(name, () => {
      assert.ok(!kinds(mode, before, given).includes('track'));
      const after = kinds(mode, `${before}; ${then}; ${then}; timer; cancelled`, given);
      assert.deepEqual(
        [after.filter((kind) => kind === 'track').length, after.filter((kind) => kind === 'upsert').length],
        [1, 1],
      );
    });
  }

  test('never for what was cancelled before it started', () => {
    assert.deepEqual(kinds(DELIVERY, 'cancelled; timer', { startsInMs: 5_000 }), ['end']);
  });
});

describe('semantics §10: crashes', () => {
  test('what a dead node was sending goes out again in every mode, as another attempt', () => {
    for (const mode of MODES) {
      const { effects, transaction } = play(mode, 'rescued', { legs: [{}] });
      assert.deepEqual(effects, [
        { kind: 'send', message: 0 },
        { kind: 'send', message: 0 },
      ]);
      assert.deepEqual(transaction.messages[0]!.facts, { attempts: 2, rescues: 1, answerLost: true, queuedAt: 0 });
    }
  });

  testLines(`
resends use no attempt up               | all      | rescued; rescued; error 0; due; error 0; due; error 0; due | running: sending | one leg
onUnknown: leave, node died             | attempt  | rescued                                | running: unknown, sending           | leave
onUnknown: leave, answer lost           | all      | unknown 0; took 1                      | completed: unknown, accepted        | leave
past the deadline nothing is resent     | attempt  | +1000; rescued                         | expired: unknown, ttl_expired       | ttl 1 s
after an end nothing is resent          | delivery | cancelled; rescued                     | cancelled: unknown, cancelled
a message that kills every node ends    | attempt  | ${repeat('rescued', 30)}               | failed: unknown                     | one leg
paused meanwhile: no longer skipped     | delivery | rescued; skipped 0 campaign_not_running | running: unknown, sending
… and its receipt counts                | delivery | rescued; skipped 0 opted_out; delivered 0 | succeeded: delivered, sending
throttled meanwhile: its receipt counts | delivery | rescued; throttled 0 900; +1000; timer; delivered 0 | succeeded late: delivered, ttl_expired | ttl 1 s
`);

  test('the answer of a node that only seemed dead counts if it is acceptance', () => {
    const { transaction } = play(DELIVERY, 'rescued');
    const refused = advance(
      transaction,
      { kind: 'rejected', message: 0, attempt: 1, reason: 'blocked', retryable: false },
      1,
    );
    assert.deepEqual([refused.transaction, refused.effects], [transaction, []]);
    const taken = advance(transaction, { kind: 'accepted', message: 0, attempt: 1, ref: null }, 1);
    assert.equal(tellState(taken.transaction), 'running: accepted, pending');
  });
});

describe('semantics §11: scheduling and cancelling', () => {
  testLines(`
waits for startAt                  | delivery | +4999; timer                            | scheduled: pending, pending       | in 5 s
starts then                        | delivery | due                                     | running: sending, pending         | in 5 s
starts once                        | delivery | due; started; timer                     | running: sending, pending         | in 5 s
cancel before the start            | delivery | cancelled; +9000; timer; started        | cancelled: cancelled, cancelled   | in 5 s
cancel skips what is not triggered | delivery | took 0; cancelled                       | cancelled: accepted, cancelled
cancel stops a retry               | delivery | rejected 0; error 1; cancelled          | cancelled: rejected, rejected
… also of a lost answer            | delivery | rejected 0; unknown 1; cancelled; +9999; timer | cancelled: rejected, unknown
what is under way is recorded      | delivery | cancelled; took 0; delivered 0          | cancelled: delivered, cancelled
cancel after an end                | delivery | delivered 0; cancelled                  | succeeded: delivered, chain_succeeded
`);

  test('hasEnded and isSending tell where it is', () => {
    const of = (script: string, given?: Given) => {
      const { transaction } = play(DELIVERY, script, given);
      return [hasEnded(transaction), isSending(transaction)];
    };
    assert.deepEqual(of('', GIVEN['in 5 s']), [false, false]);
    assert.deepEqual(of(''), [false, true]);
    assert.deepEqual(of('delivered 0'), [true, false]);
    assert.deepEqual(of('unknown 0; delivered 0'), [true, true]);
  });

  test('the timeline says what happened to which leg, and why', () => {
    const lines = play(ATTEMPT, 'rejected 0; took 1').entries.map(({ what, leg, detail }) => [what, leg, detail]);
    assert.deepEqual(lines, [
      ['leg.triggered', 0, 'c0'],
      ['message.rejected', 0, 'blocked'],
      ['leg.triggered', 1, 'c1'],
      ['message.accepted', 1, 'ref'],
      ['transaction.succeeded', null, null],
    ]);
  });
});
