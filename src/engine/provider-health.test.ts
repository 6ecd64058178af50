/** Two nodes that share circuits: what one learns, the other acts on, and of both one tries. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FAULTS_IN_A_ROW } from '#domain/circuit.ts';
import { StoreUnavailableError } from '#ports/unavailable.ts';
import { eventually } from '../../tests/support/carom.ts';
import { memoryCircuitStore } from '../../tests/support/memory-circuit-store.ts';
import type { MemoryCircuitStore } from '../../tests/support/memory-circuit-store.ts';
import { providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import type { TestTools } from '../../tests/support/provider-tools.ts';
import type { CallResult } from './health-book.ts';
import { startProviderHealth } from './provider-health.ts';
import type { Passage, ProviderHealth } from './provider-health.ts';

const OPEN_MS = 5_000;
const PROBE_MS = 15_000;
const CONFIG = providerConfig('sandbox', {});
const { accountId, id } = CONFIG;

let tools: TestTools;
let store: MemoryCircuitStore;
let one: ProviderHealth;
let other: ProviderHealth;

beforeEach(() => {
  tools = testTools();
  store = memoryCircuitStore(tools.clock);
  one = startProviderHealth(store, tools.clock, tools.log);
  other = startProviderHealth(store, tools.clock, tools.log);
});
afterEach(() => Promise.all([one.stop(), other.stop()]));

const note = (health: ProviderHealth, result: CallResult, isProbe = false) =>
  health.note(CONFIG, { result, reason: 'http_503', tookMs: 7, isProbe });
const fail = (health: ProviderHealth, times = FAULTS_IN_A_ROW) => {
  for (let n = 0; n < times; n++) note(health, 'fault');
};
const stateOf = (health: ProviderHealth) => health.view(accountId, id).circuit.state.name;
const becomes = (health: ProviderHealth, state: string) =>
  eventually(
    async () => stateOf(health),
    (is) => is === state,
  );
/** Asks until the answer is so: the right to probe is asked for in the background. */
const asks = (health: ProviderHealth, kind: Passage['kind']) =>
  eventually(
    async () => health.ask(CONFIG),
    (passage) => passage.kind === kind,
  );

describe('a circuit', () => {
  test('opens at the fault too many, for all nodes', async () => {
    fail(one, FAULTS_IN_A_ROW - 1);
    note(one, 'good');
    fail(one, FAULTS_IN_A_ROW - 1);
    assert.deepEqual(one.ask(CONFIG), { kind: 'free' });
    fail(one, 1);
    assert.deepEqual(one.ask(CONFIG), { kind: 'broken', forMs: OPEN_MS });
    assert.equal(one.brokenForMs(accountId, id), OPEN_MS);
    await becomes(other, 'open');
    assert.deepEqual(other.ask(CONFIG), { kind: 'broken', forMs: OPEN_MS });
    assert.equal(other.view(accountId, id).circuit.reason, 'http_503');
  });

  test('opens where calls take too long, and a probe that does leaves it open', async () => {
    const slow = { result: 'good', reason: '', tookMs: 5_000 } as const;
    for (let n = 0; n < FAULTS_IN_A_ROW; n++) one.note(CONFIG, { ...slow, tookMs: 4_999, isProbe: false });
    assert.equal(stateOf(one), 'closed');
    for (let n = 0; n < FAULTS_IN_A_ROW; n++) one.note(CONFIG, { ...slow, isProbe: false });
    assert.deepEqual([stateOf(one), one.view(accountId, id).circuit.reason], ['open', 'slow']);
    tools.pass(OPEN_MS);
    await asks(one, 'probe');
    one.note(CONFIG, { ...slow, isProbe: true });
    assert.equal(one.brokenForMs(accountId, id), 2 * OPEN_MS);
  });

  test('stays closed where what came of the calls says nothing', () => {
    for (let n = 0; n < 100; n++) note(one, 'asked');
    assert.equal(stateOf(one), 'closed');
    assert.equal(one.view(accountId, id).calls, 0);
  });

  test('tells who waits for it once, and not who has left', () => {
    let told = 0;
    one.whenBroken(CONFIG, () => told++);
    one.whenBroken(CONFIG, () => assert.fail('it has left'))();
    fail(one, FAULTS_IN_A_ROW * 3);
    assert.equal(told, 1);
  });

  test('lets one message of one node try; it goes well: all use the provider again', async () => {
    fail(one);
    await becomes(other, 'open');
    tools.pass(OPEN_MS);
    assert.equal(one.ask(CONFIG).kind, 'broken');
    assert.ok(one.brokenForMs(accountId, id) > 0, 'until somebody has tried it is broken');
    await asks(one, 'probe');
    await becomes(other, 'half_open');
    assert.equal(one.ask(CONFIG).kind, 'broken');
    assert.equal(other.ask(CONFIG).kind, 'broken');
    note(one, 'good');
    assert.equal(stateOf(one), 'half_open', 'another call, begun before, decides nothing');
    note(one, 'good', true);
    assert.deepEqual(one.ask(CONFIG), { kind: 'free' });
    await becomes(other, 'closed');
    assert.equal(store.rows.size, 0);
    assert.equal(one.view(accountId, id).calls, 0, 'what was before the outage is not counted again');
  });

  test('is open for twice as long after a probe that failed', async () => {
    fail(one);
    tools.pass(OPEN_MS);
    await asks(one, 'probe');
    note(one, 'fault', true);
    assert.deepEqual(one.ask(CONFIG), { kind: 'broken', forMs: 2 * OPEN_MS });
    await eventually(
      async () => other.ask(CONFIG),
      (passage) => passage.kind === 'broken' && passage.forMs === 2 * OPEN_MS,
    );
  });

  test('has the probe tried by another message when the first did not make the call', async () => {
    fail(one);
    tools.pass(OPEN_MS);
    await asks(one, 'probe');
    one.giveBack(CONFIG);
    assert.equal(one.ask(CONFIG).kind, 'probe');
  });

  test('is tried by another node when nothing is heard of a probe', async () => {
    fail(one);
    tools.pass(OPEN_MS);
    await asks(one, 'probe');
    await becomes(other, 'half_open');
    tools.pass(PROBE_MS - 1);
    assert.equal(other.ask(CONFIG).kind, 'broken');
    tools.pass(1);
    await asks(other, 'probe');
    note(other, 'good', true);
    await becomes(one, 'closed');
    // The first one's answer comes after all.
    note(one, 'fault', true);
    assert.equal(stateOf(one), 'closed');
  });

  test('is tried at once when the provider is configured anew', async () => {
    fail(one);
    one.ask(CONFIG);
    const renewed = { ...CONFIG };
    one.ask(renewed);
    await eventually(
      async () => one.ask(renewed),
      (passage) => passage.kind === 'probe',
    );
  });

  test('needs no database to open, and is told of when that is back', async () => {
    store.fault = new StoreUnavailableError('away');
    fail(one);
    assert.equal(one.ask(CONFIG).kind, 'broken');
    store.fault = null;
    await becomes(other, 'open');
  });
});

test('what is shown is of the calls of this node', () => {
  note(one, 'good');
  note(one, 'good');
  note(one, 'fault');
  const { calls, faults, p50Ms } = one.view(accountId, id);
  assert.deepEqual([calls, faults, p50Ms], [3, 1, 7]);
  assert.equal(other.view(accountId, id).calls, 0);
  const [{ totals }] = one.all() as [ReturnType<ProviderHealth['all']>[0]];
  assert.deepEqual(totals, { calls: { good: 2, fault: 1, asked: 0 }, tookMs: 21 });
});
