/** PostgreSQL goes away and comes back (semantics §10): every call says so soon, none hangs, and work goes on by itself. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { RECEIPT_WINDOW_DEFAULT_MS } from '#domain/account.ts';
import { messageId } from '#domain/ids.ts';
import { StoreUnavailableError } from '#ports/unavailable.ts';
import { openDatabase, readBuckets, run, unitOfWork } from '#postgres/connection.ts';
import { startEmbeddedPostgres } from '#postgres/embedded.ts';
import type { EmbeddedPostgres } from '#postgres/embedded.ts';
import { migrate } from '#postgres/migrate.ts';
import { acceptance, NOW, times, transition } from '../support/acceptance.ts';
import { kysely, openStores, SILENT } from '../support/database.ts';
import type { OpenStores } from '../support/database.ts';

/** "A few seconds": a connection attempt may take three. */
const SOON_MS = 5_000;
const POLL_MS = 10;
const WHO = { name: 'who', text: 'select pg_backend_pid() as pid' };

let dataDir: string;
let postgres: EmbeddedPostgres;
let stores: OpenStores;

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'carom-away-'));
  postgres = await startEmbeddedPostgres({ dataDir, log: () => undefined });
  await migrate(kysely(postgres.connection).kysely);
  stores = await openStores(postgres.connection);
});
after(async () => {
  await stores.close();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const RATE = { count: 1, perMs: 1_000, burst: 1 };

/** Every way to ask a store. */
function everyCall(open: OpenStores): Record<string, () => Promise<unknown>> {
  const { transactions, profiles, events, receipts, config, nodes, stats, tokens } = open;
  const given = acceptance();
  const { id, txnId } = given.stored.transaction;
  const message = messageId(id, 1);
  const receipt = { accountId: 'demo', providerId: 'sms', status: 'sent' } as const;
  const account = {
    id: 'demo',
    name: 'Demo',
    defaultRegion: null,
    limits: {},
    receiptWindowMs: RECEIPT_WINDOW_DEFAULT_MS,
  };
  return {
    accept: () => transactions.accept(given),
    acceptInWindow: () => transactions.accept(acceptance({ window: { key: '~first ana', until: NOW + 1 } })),
    save: () => transactions.save(transition(given.stored, 'step')),
    load: () => transactions.load('demo', id),
    loadByTxnId: () => transactions.loadByTxnId('demo', txnId),
    history: () => transactions.history('demo', id),
    list: () => transactions.list({ accountId: 'demo' }, 10, null),
    claimDue: () => transactions.claimDue(NOW, 1, 10, 1_000),
    lanes: () => transactions.lanes(10),
    claimLane: () => transactions.claimLane('line', NOW, 1, 10, 1_000),
    joinLane: () => transactions.joinLane([given.stored], 'line'),
    exchange: () => tokens.exchange('limit', { node: 1, rate: RATE, used: 1, usedAgoMs: 0, want: 1, leaves: false }),
    pruneTokens: () => tokens.prune(1_000),
    takeOver: () => transactions.takeOver(1, 2, 10),
    leasedTo: () => transactions.leasedTo(1, 10),
    prune: () => transactions.prune(NOW, 10),
    loadProfile: () => profiles.load('demo', 'ana'),
    merge: () => profiles.merge('demo', 'ana', {}),
    mergeOnce: () => profiles.mergeOnce('demo', 'ana', {}, id),
    put: () => profiles.put('demo', 'ana', {}),
    remove: () => profiles.remove('demo', 'ana'),
    track: () =>
      events.track({ id, accountId: 'demo', userId: 'ana', eventName: 'ordered', eventTime: NOW, eventData: {} }),
    listEvents: () => events.list({ accountId: 'demo' }, 10, null),
    addRef: () => receipts.addRef('demo', 'sms', 'ref', message, NOW),
    findByRef: () => receipts.findByRef('demo', 'sms', 'ref'),
    park: () => receipts.park({ ...receipt, ref: 'ref', reason: null, at: NOW }),
    takeMatched: () => receipts.takeMatched(NOW, 10),
    promise: () => receipts.promise({ ...receipt, messageId: message, dueAt: NOW }),
    claimPromised: () => receipts.claimPromised(NOW, 10, 1_000),
    kept: () => receipts.kept({ ...receipt, messageId: message, dueAt: NOW }),
    pruneReceipts: () => receipts.prune(NOW - 1),
    write: async () => config.write({ accounts: [account] }, (await config.since(0)).revision),
    since: () => config.since(0),
    version: () => config.version('demo', '~first', 1),
    join: () => nodes.join('node'),
    beat: () => nodes.beat(1),
    dead: () => nodes.dead(1_000),
    leave: () => nodes.leave(1),
    addCounts: () => stats.add([{ accountId: 'demo', hour: NOW, campaignId: '', channel: '', what: 'x', count: 1 }]),
    readCounts: () => stats.read('demo', NOW),
    readBuckets: () => readBuckets(open.database),
  };
}

/** What came of every call, all made at once. */
async function outcomesOfAll(): Promise<[string, unknown][]> {
  const entries = Object.entries(everyCall(stores)).map(async ([name, call]): Promise<[string, unknown]> => {
    const outcome = await call().then(
      () => 'done',
      (error: unknown) => error,
    );
    return [name, outcome];
  });
  return Promise.all(entries);
}

/** A connection of its own, beside the stores' pools. */
async function withClient<Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client(postgres.connection);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const terminateAll = () =>
  withClient((client) =>
    client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'carom' and pid <> pg_backend_pid()`,
    ),
  );

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + SOON_MS;
  while (!(await holds())) {
    assert(performance.now() < deadline, `waited ${SOON_MS} ms for ${what}`);
    await delay(POLL_MS);
  }
}

/** Resolves when so many of the stores' connections wait for a lock. */
const blocked = (client: pg.Client, count: number) =>
  until(`${count} waiting for a lock`, async () => {
    const text = `select from pg_stat_activity where application_name = 'carom' and wait_event_type = 'Lock'`;
    return (await client.query(text)).rowCount === count;
  });

describe('connections break', () => {
  test('idle ones: nobody notices, or is told that the store is away; the next call works', async () => {
    await outcomesOfAll();
    await terminateAll();
    for (const [name, outcome] of await outcomesOfAll()) {
      assert(outcome === 'done' || outcome instanceof StoreUnavailableError, `${name}: ${String(outcome)}`);
    }
    await until('every call to work again', async () =>
      (await outcomesOfAll()).every(([, outcome]) => outcome === 'done'),
    );
  });

  test('in the middle of calls, again and again: nothing but done or away, and what was done is there', async () => {
    const accepted: string[] = [];
    const over = new AbortController();
    const worker = async () => {
      while (!over.signal.aborted) {
        const given = acceptance();
        try {
          await stores.transactions.accept(given);
          accepted.push(given.stored.transaction.id);
        } catch (error) {
          assert(error instanceof StoreUnavailableError, String(error));
        }
      }
    };
    const workers = Promise.all(times(20, worker));
    for (let rounds = 0; rounds < 10; rounds++) {
      const before = accepted.length;
      await terminateAll();
      await until('more to be accepted', async () => accepted.length > before + 50);
    }
    over.abort();
    await workers;
    const loaded = await Promise.all(accepted.map((id) => stores.transactions.load('demo', id)));
    assert(loaded.every((stored) => stored !== null));
  });

  test('a unit of work that is cut off did nothing', async () => {
    const { revision } = await stores.config.since(0);
    await withClient(async (client) => {
      await client.query('begin');
      await client.query('select from carom for update');
      const account = { id: 'cut', name: 'Cut', defaultRegion: null, limits: {}, receiptWindowMs: 1 };
      const writing = assert.rejects(stores.config.write({ accounts: [account] }, revision), StoreUnavailableError);
      await blocked(client, 1);
      await terminateAll();
      await writing;
      await client.query('rollback');
    });
    assert.equal((await stores.config.since(0)).revision, revision);
  });

  test('between two statements of a unit of work: it fails, the process lives', async () => {
    const work = unitOfWork(stores.database.queries, async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const broken = new Promise((resolve) => client.once('end', resolve));
      await withClient((other) => other.query('select pg_terminate_backend($1)', [rows[0]!.pid]));
      await broken;
      await client.query('select 1');
    });
    await assert.rejects(work, StoreUnavailableError);
    assert.equal(await readBuckets(stores.database), 1);
  });
});

describe('the server', () => {
  test('stopped: every call says so soon; started again: every call works, and what was there is there', async () => {
    const kept = acceptance();
    await stores.transactions.accept(kept);
    await postgres.stop();
    const askedAt = performance.now();
    for (const [name, outcome] of await outcomesOfAll()) {
      assert(outcome instanceof StoreUnavailableError, `${name}: ${String(outcome)}`);
    }
    assert(performance.now() - askedAt < SOON_MS);
    postgres = await startEmbeddedPostgres({ dataDir, log: () => undefined });
    for (const [name, outcome] of await outcomesOfAll()) assert.equal(outcome, 'done', name);
    assert.deepEqual(await stores.transactions.load('demo', kept.stored.transaction.id), kept.stored);
  });

  test('asked before it was ever there: away, and then there', async () => {
    await postgres.stop();
    const early = openDatabase(postgres.connection, SILENT);
    await assert.rejects(readBuckets(early), StoreUnavailableError);
    await assert.rejects(migrate(kysely(postgres.connection).kysely), StoreUnavailableError);
    postgres = await startEmbeddedPostgres({ dataDir, log: () => undefined });
    assert.equal(await readBuckets(early), 1);
    await early.close();
  });

  test('frozen: a call is given up after the timeout, and the connection with it', async () => {
    const frozen = openDatabase(postgres.connection, SILENT, 300);
    const [{ pid } = { pid: 0 }] = await run<{ pid: number }>(frozen.queries, WHO, []);
    process.kill(pid, 'SIGSTOP');
    try {
      await assert.rejects(run(frozen.queries, WHO, []), StoreUnavailableError);
      const [other] = await run<{ pid: number }>(frozen.queries, WHO, []);
      assert.notEqual(other?.pid, pid);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await frozen.close();
  });

  test('too busy to answer in time: away for this call', async () => {
    const busy = openDatabase(postgres.connection, SILENT, 300);
    await withClient(async (client) => {
      await client.query('begin');
      await client.query('select from carom for update');
      const statement = { name: 'locks', text: 'select from carom for update' };
      await assert.rejects(run(busy.queries, statement, []), StoreUnavailableError);
      await client.query('rollback');
      assert.equal((await run(busy.queries, statement, [])).length, 1);
    });
    await busy.close();
  });

  test('there, but a row is bad: that is an error of its own, not "away"', async () => {
    const bad = acceptance({ id: `x${acceptance().stored.transaction.id.slice(1)}` });
    await assert.rejects(stores.transactions.accept(bad), (error) => !(error instanceof StoreUnavailableError));
    await assert.rejects(
      stores.transactions.load('demo', 'no id'),
      (error) => !(error instanceof StoreUnavailableError),
    );
  });
});
