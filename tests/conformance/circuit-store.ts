/** What every store of circuits promises (src/ports/circuit-store.ts). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import type { BrokenCircuit, CircuitStore } from '#ports/circuit-store.ts';
import { times } from '../support/acceptance.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

/** How much later than it was written a circuit may be read, on a busy machine. */
const LATE_MS = 20_000;

const circuit = (changes: Partial<BrokenCircuit> = {}): BrokenCircuit => ({
  accountId: 'demo',
  providerId: 'sms',
  version: randomUUID(),
  name: 'open',
  openings: 1,
  reason: 'http_503',
  sinceMs: 1_000,
  forMs: 60_000,
  ...changes,
});

/** Runs the suite. */
export function describeCircuitStore(name: string, make: TwoNodes<CircuitStore>): void {
  let one: CircuitStore;
  let other: CircuitStore;
  const versions = async (store: CircuitStore) => (await store.broken()).map(({ version }) => version);

  describe(`${name} keeps the promises of a circuit store`, () => {
    beforeEach(async () => {
      [one, other] = await make();
    });

    test('what one node opens, another sees, with what is left of its time', async () => {
      const given = circuit({ accountId: AWKWARD.slice(0, 60), reason: `${AWKWARD}\0` });
      assert.equal(await one.change(given, null), true);
      const [{ sinceMs, forMs, reason, ...seen }, ...others] = (await other.broken()) as [BrokenCircuit];
      const { sinceMs: _since, forMs: _for, reason: _reason, ...expected } = given;
      assert.deepEqual([seen, others], [expected, []]);
      assert.equal(reason, `${AWKWARD}\ufffd`);
      assert.ok(sinceMs >= 1_000 && sinceMs < 1_000 + LATE_MS, String(sinceMs));
      assert.ok(forMs <= 60_000 && forMs > 60_000 - LATE_MS, String(forMs));
    });

    test('one whose time is up is still there', async () => {
      await one.change(circuit({ forMs: -5_000 }), null);
      const [seen] = await other.broken();
      assert.ok(seen!.forMs <= -5_000);
    });

    test('of openings at once, one is first', async () => {
      const all = times(10, () => circuit());
      const made = await Promise.all(all.map((each, n) => (n % 2 ? one : other).change(each, null)));
      assert.equal(made.filter(Boolean).length, 1);
      assert.deepEqual(await versions(other), [all[made.indexOf(true)]!.version]);
    });

    test('of changes based on the same version, one is made', async () => {
      const opened = circuit();
      await one.change(opened, null);
      const probes = times(10, () => circuit({ name: 'half_open' }));
      const made = await Promise.all(probes.map((each, n) => (n % 2 ? one : other).change(each, opened.version)));
      assert.equal(made.filter(Boolean).length, 1);
      const { version } = probes[made.indexOf(true)]!;
      assert.deepEqual(await versions(one), [version]);
      assert.equal(await other.close(opened, opened.version), false);
      assert.equal(await other.close(opened, version), true);
      assert.deepEqual(await versions(one), []);
      assert.equal(await one.change(circuit(), version), false);
    });

    test('each provider of each account has its own', async () => {
      const all = [circuit(), circuit({ accountId: 'shop' }), circuit({ providerId: 'mail' })];
      for (const each of all) assert.equal(await one.change(each, null), true);
      await other.close(all[0]!, all[0]!.version);
      assert.deepEqual((await versions(one)).toSorted(), [all[1]!.version, all[2]!.version].toSorted());
    });
  });
}
