/** Semantics §10: PostgreSQL away under load. 503 with Retry-After, nothing half accepted, and work resumes by itself. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { PATH, allEnded, orderOf, proveNothingLost, startCrashVendor, viewsOf } from '../support/crash-scene.ts';
import { Load } from '../support/load.ts';
import { startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

const RATE_PER_S = 30;
/** Requests accepted before and after the outage. */
const BEFORE = 60;
const AFTER = 60;
const OUTAGE_MS = 10_000;
/** No request and no receipt waits longer for its answer. */
const ANSWER_MAX_MS = 5_000;
const RECOVERY_MAX_MS = 30_000;
/** Resident memory over that before the outage, in MB. */
const GROWTH_MAX_MB = 150;

const outages: Record<
  string,
  { begin(postgres: PostgresServer): Promise<void>; finish(postgres: PostgresServer): Promise<void> }
> = {
  'is shut down': { begin: (postgres) => postgres.end('SIGINT'), finish: (postgres) => postgres.start() },
  'is killed': { begin: (postgres) => postgres.end('SIGKILL'), finish: (postgres) => postgres.start() },
  freezes: { begin: (postgres) => postgres.freeze(), finish: async (postgres) => postgres.thaw() },
};

const closings: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closings.toReversed()) await close();
});

describe('semantics §10, PostgreSQL away for 10 s under load', { concurrency: true }, () => {
  for (const [what, { begin, finish }] of Object.entries(outages)) {
    test(`it ${what}: 503 with Retry-After, nothing half accepted, work resumes by itself`, async (t) => {
      const postgres = await startPostgres();
      closings.push(() => postgres.close());
      const carom = await startCarom({ databaseUrl: postgres.url, env: { CAROM_ADMIN_KEY: 'operator' } });
      closings.push(() => carom.stop());
      const vendor = await startCrashVendor(() => carom.url);
      closings.push(() => vendor.close());
      await carom.apply(vendor.manifest());

      const load = new Load({
        name: 'order',
        ratePerS: RATE_PER_S,
        key: 'operator',
        path: PATH,
        urlOf: () => carom.url,
        bodyOf: orderOf,
      });
      t.after(() => load.stop());
      await load.accepted(BEFORE);
      const beforeMb = await residentMb(carom);
      const memory = watchMemory(carom);
      t.after(() => void memory.stop());
      const awayAt = Date.now();
      await begin(postgres);
      assert.equal((await carom.call('GET', '/healthz')).status, 200, 'it is alive');
      const reading = Promise.all([readWhileAway(carom, '/readyz'), readWhileAway(carom, `${PATH}&limit=1`)]);
      await sleep(OUTAGE_MS - (Date.now() - awayAt));
      await finish(postgres);
      const backAt = Date.now();
      await load.accepted(load.withStatus(202).length + AFTER);
      t.diagnostic(`${what}: accepting again ${firstAcceptedAfter(load, backAt)} ms after it was back`);
      await load.stop();
      const refused = load.withStatus(503);
      const slowestMs = Math.max(...[...load.outcomes.values()].map(({ tookMs }) => tookMs));
      t.diagnostic(`${what}: ${refused.length} requests got 503; the slowest answer took ${slowestMs} ms`);
      t.diagnostic(
        `${what}: receipts were answered ${JSON.stringify([...vendor.receiptAnswers])}, the slowest after ${vendor.slowestReceiptMs} ms`,
      );

      for (const read of await reading) {
        t.diagnostic(`${what}: ${read.path} got ${read.status} after ${read.tookMs} ms`);
        // Of a frozen one a single statement learns only when it thaws, or is given up.
        if (what !== 'freezes') assert.ok(read.status === 503 && read.tookMs < ANSWER_MAX_MS);
      }
      assert.ok(refused.length > 0);
      for (const { retryAfter, txnId } of refused) assert.match(retryAfter ?? 'none', /^\d+$/, txnId);
      assert.deepEqual(
        [...load.outcomes.values()].filter(({ status }) => status !== 202 && status !== 503),
        [],
      );

      await allEnded(carom, RECOVERY_MAX_MS);
      t.diagnostic(`${what}: everything had ended ${Date.now() - backAt} ms after it was back`);
      const views = await viewsOf(
        carom,
        refused.map(({ txnId }) => txnId),
      );
      const halves = [...views.values()].filter((view) => view !== null);
      for (const view of halves) assert.equal(view.state, 'succeeded', JSON.stringify(view));
      t.diagnostic(`${what}: ${halves.length} of those answered 503 had been accepted all the same, and ended`);

      await load.repeatTheRest(carom.url);
      await allEnded(carom, RECOVERY_MAX_MS);
      const proof = await proveNothingLost(carom, vendor, load);
      assert.equal(proof.transactions, load.outcomes.size);
      const grownMb = (await memory.stop()) - beforeMb;
      t.diagnostic(
        `${what}: ${proof.transactions} transactions, ${proof.duplicates} duplicates, at most ${grownMb} MB more`,
      );
      assert.ok(grownMb < GROWTH_MAX_MB, `${grownMb} MB`);

      assert.ok(slowestMs < ANSWER_MAX_MS, `a request waited ${slowestMs} ms for its answer`);
      assert.ok(
        vendor.slowestReceiptMs < ANSWER_MAX_MS,
        `a receipt waited ${vendor.slowestReceiptMs} ms for its answer`,
      );
    });
  }
});

function firstAcceptedAfter(load: Load, instant: number): number {
  return Math.min(
    ...load
      .withStatus(202)
      .map(({ at, tookMs }) => at + tookMs - instant)
      .filter((ms) => ms > 0),
  );
}

async function readWhileAway(carom: Carom, path: string): Promise<{ path: string; status: number; tookMs: number }> {
  const startedAt = Date.now();
  const { status } = await carom.call('GET', path);
  return { path, status, tookMs: Date.now() - startedAt };
}

/** Resident memory of the node; 0 where the system does not tell. */
async function residentMb(carom: Carom): Promise<number> {
  if (process.platform !== 'linux') return 0;
  const status = await readFile(`/proc/${carom.process.pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1_024);
}

/** The most the node had; told by `stop`. */
function watchMemory(carom: Carom): { stop(): Promise<number> } {
  const stopping = new AbortController();
  const watch = async (): Promise<number> => {
    let mostMb = 0;
    while (!stopping.signal.aborted) {
      mostMb = Math.max(mostMb, await residentMb(carom));
      await sleep(200);
    }
    return mostMb;
  };
  const watching = watch();
  return {
    stop: () => {
      stopping.abort();
      return watching;
    },
  };
}
