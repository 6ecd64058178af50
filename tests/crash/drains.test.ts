/** The contract of a stop: SIGTERM and Ctrl-C drain within 10 s, end with status 0, and lose nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Carom } from '../support/carom.ts';
import { startCaromGroup } from '../support/carom-group.ts';
import { ignore, openChain } from '../support/chain.ts';
import { PATH, allEnded, orderOf, proveNothingLost, startCrashVendor } from '../support/crash-scene.ts';
import { Load } from '../support/load.ts';
import { MortalCarom } from '../support/mortal-carom.ts';

const RATE_PER_S = 90;
/** Requests accepted before the stop and after the restart. */
const BEFORE = 300;
const AFTER = 100;
const STOP_MAX_MS = 10_000;
const RECOVERY_MAX_MS = 20_000;

const closings: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closings.toReversed()) await close();
});

async function startOne(): Promise<MortalCarom> {
  const dataDir = await mkdtemp(join(tmpdir(), 'carom-test-'));
  const one = new MortalCarom(dataDir, await startCaromGroup(dataDir));
  closings.push(() => one.close());
  return one;
}

/** Ends it as said. @returns its exit status and how long it took. */
async function end(carom: Carom, kill: (pid: number) => void): Promise<{ status: number | null; tookMs: number }> {
  const startedAt = Date.now();
  const exited = once(carom.process, 'exit');
  kill(carom.process.pid!);
  const [status] = (await exited) as [number | null];
  return { status, tookMs: Date.now() - startedAt };
}

const ways = {
  SIGTERM: (pid: number) => process.kill(pid, 'SIGTERM'),
  'Ctrl-C, which the whole process group gets': (pid: number) => process.kill(-pid, 'SIGINT'),
  'an impatient double Ctrl-C': (pid: number) => {
    process.kill(-pid, 'SIGINT');
    setTimeout(() => process.kill(-pid, 'SIGINT'), 20);
  },
};

describe('a stop drains', { concurrency: true }, () => {
  for (const [way, kill] of Object.entries(ways)) {
    test(`${way}, under load: within 10 s, status 0, nothing lost after a restart`, async (t) => {
      const one = await startOne();
      const vendor = await startCrashVendor(() => one.carom.url);
      t.after(() => vendor.close());
      await one.carom.apply(vendor.manifest());
      const key = one.carom.adminKey;
      const load = new Load({
        name: 'order',
        ratePerS: RATE_PER_S / 3,
        key,
        path: PATH,
        urlOf: () => one.carom.url,
        bodyOf: orderOf,
      });
      t.after(() => load.stop());
      await load.accepted(BEFORE / 3);
      const ended = await end(one.carom, kill);
      t.diagnostic(`${way}: ended with ${ended.status} after ${ended.tookMs} ms`);
      assert.equal(ended.status, 0, one.carom.output);
      assert.ok(ended.tookMs < STOP_MAX_MS);
      await one.restart();
      await load.accepted(load.withStatus(202).length + AFTER / 3);
      await load.stop();
      await load.repeatTheRest(one.carom.url);
      await allEnded(one.carom, RECOVERY_MAX_MS);
      const proof = await proveNothingLost(one.carom, vendor, load);
      assert.equal(proof.transactions, load.outcomes.size);
      assert.equal(proof.duplicates, 0, 'what was under way was answered before the end');
    });
  }

  test('a vendor that never answers does not hold it up; its message is sent again after the restart', async (t) => {
    const one = await startOne();
    const chain = await openChain(t, one.carom, { a: { answers: [ignore], request: { timeout: '2m' } } });
    const id = await chain.trigger('all');
    const first = await chain.handover('a');
    const ended = await end(one.carom, ways.SIGTERM);
    t.diagnostic(`with a vendor that never answers: ended with ${ended.status} after ${ended.tookMs} ms`);
    assert.equal(ended.status, 0, one.carom.output);
    assert.ok(ended.tookMs < STOP_MAX_MS + 500);
    await one.restart();
    const again = await chain.handover('a', 1);
    assert.equal(again.messageId, first.messageId);
    assert.equal(again.idempotencyKey, first.idempotencyKey);
    const view = await one.carom.call('GET', `/v1/transactions/${id}?account=${chain.account}`);
    assert.equal(view.body.state, 'running');
  });
});
