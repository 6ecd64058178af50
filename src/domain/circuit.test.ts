import assert from 'node:assert/strict';
import test from 'node:test';
import { callWindow } from './call-window.ts';
import { CLOSED, FAULTS_IN_A_ROW, brokenForMs, isFailing, opened, probing } from './circuit.ts';

test('a provider fails after some faults in a row, or when half of many calls are faults', () => {
  assert.equal(isFailing({ calls: 4, faults: 4 }, FAULTS_IN_A_ROW - 1), false);
  assert.equal(isFailing({ calls: 5, faults: 5 }, FAULTS_IN_A_ROW), true);
  assert.equal(isFailing({ calls: 19, faults: 18 }, 1), false);
  assert.equal(isFailing({ calls: 20, faults: 10 }, 1), true);
  assert.equal(isFailing({ calls: 100, faults: 49 }, 1), false);
});

test('each failed probe doubles the time, up to a minute; since and reason tell of the outage', () => {
  let circuit = CLOSED;
  const times: number[] = [];
  for (let n = 0; n < 6; n++) {
    circuit = opened(circuit, `fault ${n}`, n);
    times.push(brokenForMs(circuit, n));
    circuit = probing(circuit, n);
    assert.equal(circuit.state.name, 'half_open');
  }
  assert.deepEqual(times, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  assert.deepEqual([circuit.since, circuit.reason, circuit.openings], [0, 'fault 5', 6]);
});

test('nobody is kept from a closed one, nor from one whose time is up', () => {
  assert.equal(brokenForMs(CLOSED, 0), 0);
  const circuit = opened(CLOSED, 'x', 0);
  assert.equal(brokenForMs(circuit, 4_999), 1);
  assert.equal(brokenForMs(circuit, 5_001), 0);
});

test('a window counts what was lately, and remembers how long it took', () => {
  const window = callWindow();
  assert.deepEqual(window.summary(0), { calls: 0, faults: 0, p50Ms: null, p95Ms: null });
  for (let n = 0; n < 100; n++) window.note(n >= 97, n, n * 100);
  assert.deepEqual(window.summary(10_000), { calls: 100, faults: 3, p50Ms: 50, p95Ms: 95 });
  assert.equal(window.faultsInARow(), 3);
  window.note(false, 1, 10_000);
  assert.equal(window.faultsInARow(), 0);
  assert.deepEqual(window.counts(35_000), { calls: 41, faults: 3 });
  assert.deepEqual(window.counts(100_000), { calls: 0, faults: 0 });
  assert.equal(window.summary(100_000).p50Ms, null);
});

test('a window that is used again counts anew', () => {
  const window = callWindow();
  for (let n = 0; n < 3; n++) window.note(true, 1, n * 30_000);
  assert.deepEqual(window.counts(60_000), { calls: 1, faults: 1 });
  assert.equal(window.faultsInARow(), 3);
  window.restart();
  assert.deepEqual(window.counts(60_000), { calls: 0, faults: 0 });
  assert.equal(window.faultsInARow(), 0);
});

test('a clock that is put back breaks nothing', () => {
  const window = callWindow();
  window.note(true, 1, 50_000);
  window.note(false, 1, 10_000);
  assert.ok(window.counts(10_000).calls >= 1);
});
