/** Semantics §12: what a script of news comes to in legs of several messages and of several stages. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { StageSetup } from '../../tests/support/domain/legs.ts';
import { play } from '../../tests/support/domain/play.ts';
import type { Given } from '../../tests/support/domain/play.ts';
import type { Condition } from './campaign.ts';
import { MODES } from './transaction.ts';
import type { Mode } from './transaction.ts';

const MODE_OF: Record<string, Mode> = { all: MODES[0], attempt: MODES[1], delivery: MODES[2] };
const MESSAGE: StageSetup = { kind: 'message', messages: [{}] };
const TWO: StageSetup = { kind: 'message', messages: [{}, {}] };
const HOOK: StageSetup = { kind: 'hook', policy: { retry: { attempts: 2, backoffMs: [100] } } };
const MINUTE: StageSetup = { kind: 'wait', waitMs: 60_000 };
const when = (is: Condition, stage = 0) => ({ when: { stage, is } });

const GIVEN: Record<string, Given> = {
  journey: { legs: [[MESSAGE, MINUTE, MESSAGE]] },
  'journey, leg': { legs: [[MESSAGE, MINUTE, MESSAGE], {}] },
  'leg, journey': { legs: [{}, [MESSAGE, MINUTE, MESSAGE]] },
  hook: { legs: [[MESSAGE, HOOK], {}] },
  'hook first': { legs: [[HOOK, MESSAGE], {}] },
  'wait first': { legs: [[MINUTE, MESSAGE], {}] },
  'leg, wait first': { legs: [{}, [MINUTE, MESSAGE]] },
  pair: { legs: [[TWO], {}] },
  'last pair': { legs: [[TWO]] },
  'pair and hook': { legs: [[TWO, HOOK], {}] },
  'pair and more': { legs: [[TWO, MESSAGE]] },
  'impatient pair': {
    legs: [[{ kind: 'message', messages: [{ receiptTimeoutMs: 1_000 }, { receiptTimeoutMs: 9_000 }] }], {}],
  },
  'impatient, then two': { legs: [[{ kind: 'message', messages: [{ receiptTimeoutMs: 500 }] }, MESSAGE], {}] },
  'ttl 1 s, pair': { legs: [[TWO]], ttlMs: 1_000 },
  'ttl 1 s, pair, leg': { legs: [[TWO], {}], ttlMs: 1_000 },
  'ttl 90 s, journey': { legs: [[MESSAGE, MINUTE, MESSAGE, MINUTE, MESSAGE]], ttlMs: 90_000 },
  'ttl 90 s, journey, leg': { legs: [[MESSAGE, MINUTE, MESSAGE, MINUTE, MESSAGE], {}], ttlMs: 90_000 },
  'if delivered': { legs: [[MESSAGE, MINUTE, { ...MESSAGE, ...when('delivered') }]] },
  'if not delivered': { legs: [[MESSAGE, MINUTE, { ...MESSAGE, ...when('not delivered') }]] },
  'if clicked': { legs: [[MESSAGE, MINUTE, { ...TWO, ...when('clicked') }, HOOK]] },
  'if not clicked': { legs: [[MESSAGE, MINUTE, { ...MESSAGE, ...when('not clicked') }]] },
  'if any clicked': { legs: [[TWO, MINUTE, { ...MESSAGE, ...when('clicked') }]] },
  'wait if clicked': { legs: [[MESSAGE, { ...MINUTE, ...when('clicked') }, MESSAGE]] },
};

/** One test a line: name | mode | script | outcome | given. */
function testLines(lines: string): void {
  for (const line of lines.trim().split('\n')) {
    const [name, mode = '', script = '', outcome, given = ''] = line.split('|').map((cell) => cell.trim());
    test(`${name} (${mode}: ${script})`, () => {
      assert.equal(play(MODE_OF[mode]!, script, GIVEN[given] ?? assert.fail(given)).outcome, outcome);
    });
  }
}

describe('several messages in a stage', () => {
  testLines(`
go out at once                         | delivery |                                   | running: sending+sending, pending         | pair
the leg fails with the last of them    | delivery | rejected 0                        | running: rejected+sending, pending        | pair
… whatever the others came to          | delivery | rejected 0; took 1; undelivered 1 | running: rejected+undelivered, sending    | pair
acceptance of one succeeds on attempt  | attempt  | rejected 0; took 1                | succeeded: rejected+accepted, chain_succeeded | pair
the delivery of one succeeds           | delivery | took 0; took 1; delivered 1       | succeeded: accepted+delivered, chain_succeeded | pair
… which waits for what is under way    | delivery | delivered 1                       | running: sending+delivered landed, chain_succeeded | pair
… and ends with it                     | delivery | delivered 1; rejected 0           | succeeded: rejected+delivered landed, chain_succeeded | pair
no retry while another campaign waits  | delivery | error 0; error 1                  | running: rejected+rejected, sending       | pair
retries of the last leg                | delivery | error 0; rejected 1; due          | running: sending+rejected                 | last pair
one lost in silence, one refused       | delivery | took 0; rejected 1; +259200000; timer | unconfirmed: unconfirmed+rejected     | last pair
the longer timeout decides             | delivery | took 0; took 1; due               | running: unconfirmed+accepted, pending    | impatient pair
… and starts the next leg              | delivery | took 0; took 1; due; due          | running: unconfirmed+unconfirmed, sending | impatient pair
all of them in all                     | all      | took 0; rejected 1; took 2        | completed: accepted+rejected, accepted    | pair
the next stage waits for both          | all      | took 0                            | running: (running:accepted+sending → pending:pending) | pair and more
… also for a retry                     | all      | took 0; error 1                   | running: (running:accepted+queued → pending:pending) | pair and more
… and no longer                        | all      | took 0; rejected 1                | running: (done:accepted+rejected → running:sending) | pair and more
the landed leg sends its others        | delivery | delivered 1                       | running: (running:sending+delivered → pending:pending) landed | pair and more
`);

  test('the profile is updated when all of the first stage have been attempted', () => {
    const upserts = (script: string) => {
      return play(MODES[2], script, GIVEN['pair']).effects.filter(({ kind }) => kind === 'upsert').length;
    };
    assert.deepEqual(
      ['', 'took 0', 'took 0; rejected 1', 'took 0; rejected 1; undelivered 0'].map(upserts),
      [0, 0, 1, 1],
    );
  });
});

describe('semantics §12: stages', () => {
  testLines(`
only the first one starts              | all      |                                   | running: (running:sending → wait pending → pending:pending) | journey
a wait begins when it is its turn      | all      | took 0                            | running: (done:accepted → wait waiting → pending:pending) | journey
… and lasts until its time is up       | all      | took 0; +59999; timer             | running: (done:accepted → wait waiting → pending:pending) | journey
… to the millisecond                   | all      | took 0; +60000; timer             | running: (done:accepted → wait done → running:sending) | journey
any news end it then                   | all      | took 0; +60000; delivered 0       | running: (done:delivered → wait done → running:sending) | journey
the journey’s end is that of all       | all      | took 0; due; took 1               | completed: (done:accepted → wait done → done:accepted) | journey
in all a failed message stops nothing  | all      | rejected 0; due                   | running: (done:rejected → wait done → running:sending) | journey
a wait may come first                  | delivery | due                               | running: (wait done → running:sending), pending | wait first
a hook is called like a message        | all      | took 0                            | running: (done:accepted → hook running:sending), sending | hook
its failure fails nothing              | all      | took 0; rejected 1; took 2        | completed: (done:accepted → hook done:rejected), accepted | hook
… and no chain                         | delivery | rejected 0                        | running: (hook done:rejected → running:sending), pending | hook first
its own policy retries it              | delivery | error 0; due                      | running: (hook running:sending → pending:pending), pending | hook first
… and no longer                        | delivery | error 0; due; error 0             | running: (hook done:rejected → running:sending), pending | hook first
no report changes it                   | delivery | delivered 0                       | running: (hook running:sending → pending:pending), pending | hook first
`);
});

describe('semantics §12: conditions', () => {
  testLines(`
delivered by then                      | all | took 0; delivered 0; due               | running: (done:delivered → wait done → running:sending) | if delivered
not delivered by then                  | all | took 0; due                            | completed: (done:accepted → wait done → condition_false:condition_false) | if delivered
delivered later is too late            | all | took 0; due; delivered 0               | completed: (done:delivered → wait done → condition_false:condition_false) | if delivered
not delivered: goes on                 | all | took 0; due                            | running: (done:accepted → wait done → running:sending) | if not delivered
refused is not delivered               | all | rejected 0; due                        | running: (done:rejected → wait done → running:sending) | if not delivered
not delivered: it was                  | all | took 0; read 0; due                    | completed: (done:read → wait done → condition_false:condition_false) | if not delivered
clicked                                | all | took 0; clicked 0; due                 | running: (done:read → wait done → running:sending+sending → hook pending:pending) | if clicked
clicked by software is not clicked     | all | took 0; machine 0 clicked; due         | running: (done:accepted → wait done → condition_false:condition_false+condition_false → hook running:sending) | if clicked
read is not clicked                    | all | took 0; read 0; due                    | running: (done:read → wait done → running:sending) | if not clicked
unsubscribed is read, not clicked      | all | took 0; unsubscribed 0; due            | running: (done:read → wait done → running:sending) | if not clicked
one of several is enough               | all | took 0; took 1; clicked 1; due         | running: (done:accepted+read → wait done → running:sending) | if any clicked
a wait may have one                    | all | took 0                                 | running: (done:accepted → wait condition_false → running:sending) | wait if clicked
… and it may hold                      | all | clicked 0                              | running: (done:read → wait waiting → pending:pending) | wait if clicked
`);
});

describe('semantics §12: a leg is judged by its first messages', () => {
  testLines(`
acceptance lands it on attempt         | attempt  | took 0                          | running: (done:accepted → wait waiting → pending:pending) landed, chain_succeeded | journey, leg
… its journey goes on                  | attempt  | took 0; due                     | running: (done:accepted → wait done → running:sending) landed, chain_succeeded | journey, leg
… with retries                         | attempt  | took 0; due; error 1            | running: (done:accepted → wait done → running:queued) landed, chain_succeeded | journey, leg
… and ends with success                | attempt  | took 0; due; rejected 1         | succeeded: (done:accepted → wait done → done:rejected) landed, chain_succeeded | journey, leg
acceptance is no delivery              | delivery | took 0; due                     | running: (done:accepted → wait done → running:sending), pending | journey, leg
a later delivery is none of it         | delivery | took 0; due; delivered 1        | running: (done:accepted → wait done → done:delivered), pending | journey, leg
a later refusal fails nothing          | delivery | took 0; due; rejected 1         | running: (done:accepted → wait done → done:rejected), pending | journey, leg
delivery lands it                      | delivery | took 0; delivered 0             | running: (done:delivered → wait waiting → pending:pending) landed, chain_succeeded | journey, leg
a failed leg waits no longer           | delivery | took 0; undelivered 0           | running: (done:undelivered → wait condition_false → condition_false:condition_false), sending | journey, leg
… and runs no further stage            | delivery | rejected 0                      | running: (done:rejected → wait condition_false → condition_false:condition_false), sending | journey, leg
… nor retries what is under way        | delivery | took 0; undelivered 0; error 1  | running: (done:undelivered → hook done:rejected), sending | hook
… also when it was put off             | delivery | took 0; undelivered 0; throttled 1 100 | running: (done:undelivered → hook done:rejected), sending | hook
… nor after a late acceptance          | delivery | unknown 0; took 1; undelivered 1; took 0; error 2 | running: (done:accepted+undelivered → hook done:rejected), sending | pair and hook
… nor after a crash                    | delivery | unknown 0; took 1; undelivered 1; took 0; rescued | running: (done:accepted+undelivered → hook done:unknown), sending | pair and hook
… nor what waits to be sent again      | delivery | took 0; error 1; +700; timer    | running: (done:unconfirmed → done:rejected), sending | impatient, then two
an earlier leg may land meanwhile      | delivery | unknown 0; took 1; delivered 0  | succeeded: delivered, (done:accepted → wait chain_succeeded → chain_succeeded:chain_succeeded) | leg, journey
the last leg’s journey                 | attempt  | rejected 0; took 1; due; took 2 | succeeded: rejected, (done:accepted → wait done → done:accepted) landed | leg, journey
cancelled on its way                   | attempt  | took 0; cancelled               | cancelled: (done:accepted → wait cancelled → cancelled:cancelled) landed, chain_succeeded | journey, leg
`);

  test('only one leg lands; another one that is delivered later goes no further', () => {
    const given: Given = { legs: [{}, [TWO, MINUTE, MESSAGE]] };
    const { outcome } = play(MODES[2], 'unknown 0; delivered 1; delivered 0; error 2; due', given);
    assert.equal(outcome, 'running: delivered, (running:delivered+sending → wait pending → pending:pending) landed');
  });

  test('a positive receipt is late once a later leg has begun, also if only to wait', () => {
    const { transaction, outcome } = play(MODES[2], 'unknown 0; delivered 0', GIVEN['leg, wait first']);
    assert.equal(outcome, 'succeeded: delivered, (wait chain_succeeded → chain_succeeded:chain_succeeded)');
    assert.equal(transaction.messages[0]!.facts.late, true);
  });
});

describe('semantics §3 and §10 in journeys', () => {
  testLines(`
TTL ends a wait                        | all      | took 0; due; took 1; due          | expired: (done:accepted → wait done → done:accepted → wait ttl_expired → ttl_expired:ttl_expired) | ttl 90 s, journey
a late timer makes nothing up          | all      | took 0; +99000; timer             | expired: (done:accepted → wait ttl_expired → ttl_expired:ttl_expired → wait ttl_expired → ttl_expired:ttl_expired) | ttl 90 s, journey
what has landed stays a success        | attempt  | took 0; due; took 1; due          | succeeded: (done:accepted → wait done → done:accepted → wait ttl_expired → ttl_expired:ttl_expired) landed, chain_succeeded | ttl 90 s, journey, leg
what may land may still                | delivery | took 0; due; took 1; due          | running: (done:accepted → wait done → done:accepted → wait ttl_expired → ttl_expired:ttl_expired) | ttl 90 s, journey
… and does                             | delivery | took 0; due; took 1; due; read 0  | succeeded: (done:read → wait done → done:accepted → wait ttl_expired → ttl_expired:ttl_expired) | ttl 90 s, journey
unless legs are untriggered            | delivery | took 0; due; took 1; due          | expired: (done:accepted → wait done → done:accepted → wait ttl_expired → ttl_expired:ttl_expired), ttl_expired | ttl 90 s, journey, leg
one of two waits at the TTL            | delivery | took 0; throttled 1 3000; due     | running: accepted+ttl_expired     | ttl 1 s, pair
… the other’s receipt decides          | delivery | took 0; throttled 1 3000; due; delivered 0 | succeeded: delivered+ttl_expired | ttl 1 s, pair
… or its answer                        | attempt  | throttled 1 3000; due; took 0     | succeeded: accepted+ttl_expired   | ttl 1 s, pair
… a refusal leaves nothing             | attempt  | throttled 1 3000; due; rejected 0 | expired: rejected+ttl_expired     | ttl 1 s, pair
… with another leg untriggered         | delivery | took 0; throttled 1 3000; due     | expired: accepted+ttl_expired, ttl_expired | ttl 1 s, pair, leg
a node that died in a stage            | all      | took 0; due; rescued              | running: (done:accepted → wait done → running:sending) | journey
a node that died in a wait             | all      | took 0; rescued; +60000; timer    | running: (done:accepted → wait done → running:sending) | journey
a node that died in a hook             | delivery | rescued; took 0                   | running: (hook done:accepted → running:sending), pending | hook first
`);

  test('the timeline tells of stages, hooks and messages, each with its place', () => {
    const given: Given = { legs: [[HOOK, MESSAGE, { ...MESSAGE, ...when('delivered', 1) }]] };
    const { entries } = play(MODES[0], 'took 0; took 1; machine 1 opened', given);
    assert.deepEqual(
      entries.map(({ what, leg, message, detail }) => [what, leg, message, detail]),
      [
        ['leg.triggered', 0, null, 'c0'],
        ['stage.started', 0, null, '0 hook'],
        ['hook.accepted', 0, 0, 'ref'],
        ['stage.started', 0, null, '1 message'],
        ['message.accepted', 0, 1, 'ref'],
        ['stage.skipped', 0, null, '2 condition_false'],
        ['transaction.completed', null, null, null],
        ['machine.opened', 0, 1, 'link_scanner'],
      ],
    );
  });
});
