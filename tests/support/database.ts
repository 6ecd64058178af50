/**
 * Fresh databases on a real PostgreSQL: the one at CAROM_TEST_DATABASE_URL, else an embedded one that this test process
 * starts when it first needs it. All of it is closed and removed when the process's last test is over.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { AnswerStore } from '#ports/answer-store.ts';
import type { BatchStore } from '#ports/batch-store.ts';
import type { CircuitStore } from '#ports/circuit-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { ConfigStore } from '#ports/config-store.ts';
import type { EventStore } from '#ports/event-store.ts';
import type { FileStore } from '#ports/file-store.ts';
import type { Log } from '#ports/log.ts';
import type { NodeStore } from '#ports/node-store.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import type { ReceiptStore } from '#ports/receipt-store.ts';
import type { SendoutStore } from '#ports/sendout-store.ts';
import type { StatsStore } from '#ports/stats-store.ts';
import type { SuppressionStore } from '#ports/suppression-store.ts';
import type { TokenStore } from '#ports/token-store.ts';
import type { TrackingStore } from '#ports/tracking-store.ts';
import type { TransactionStore } from '#ports/transaction-store.ts';
import type { UploadStore } from '#ports/upload-store.ts';
import type { WebhookStore } from '#ports/webhook-store.ts';
import { answerStore } from '#postgres/answer-store.ts';
import { batchStore } from '#postgres/batch-store.ts';
import { circuitStore } from '#postgres/circuit-store.ts';
import { configStore } from '#postgres/config-store.ts';
import { openDatabase, readBuckets } from '#postgres/connection.ts';
import type { Address, Database } from '#postgres/connection.ts';
import { startEmbeddedPostgres } from '#postgres/embedded.ts';
import { eventStore } from '#postgres/event-store.ts';
import { fileStore } from '#postgres/file-store.ts';
import { migrate } from '#postgres/migrate.ts';
import { nodeStore } from '#postgres/node-store.ts';
import { profileStore } from '#postgres/profile-store.ts';
import { receiptStore } from '#postgres/receipt-store.ts';
import { sendoutStore } from '#postgres/sendout-store.ts';
import { statsStore } from '#postgres/stats-store.ts';
import { suppressionStore } from '#postgres/suppression-store.ts';
import { tokenStore } from '#postgres/token-store.ts';
import { trackingStore } from '#postgres/tracking-store.ts';
import { transactionStore } from '#postgres/transaction-store.ts';
import { uploadStore } from '#postgres/upload-store.ts';
import { webhookStore } from '#postgres/webhook-store.ts';
import { testClock } from './clock.ts';
import { TEST_VAULT } from './vault.ts';

/** What one node has open. */
export interface OpenStores {
  database: Database;
  queries: Kysely<unknown>;
  transactions: TransactionStore;
  profiles: ProfileStore;
  batches: BatchStore;
  uploads: UploadStore;
  answers: AnswerStore;
  sendouts: SendoutStore;
  events: EventStore;
  files: FileStore;
  receipts: ReceiptStore;
  config: ConfigStore;
  nodes: NodeStore;
  circuits: CircuitStore;
  stats: StatsStore;
  suppressions: SuppressionStore;
  tokens: TokenStore;
  webhooks: WebhookStore;
  tracked: TrackingStore;
  /** Ends the connections; done in the end for who does not. */
  close(): Promise<void>;
}

/** A database of its own. */
export interface TestDatabase {
  address: Address;
  /** Opens all stores; each call is another node. */
  open(clock?: Clock): Promise<OpenStores>;
  /** Runs SQL of the test's own. */
  query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Empties every table that grows: faster than another database is made. */
  clear(): Promise<void>;
}

/** A PostgreSQL on which databases can be made. */
interface Server {
  addressOf(database: string): Address;
  admin: pg.Pool;
}

/** What says nothing. */
export const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** The first thing to be closed is the last one that was opened. */
const closings: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closings.toReversed()) await close();
});

let server: Promise<Server> | null = null;

/** Makes an empty, migrated database. `buckets`: how many it has (1 when not said). */
export async function testDatabase({ buckets = 1 } = {}): Promise<TestDatabase> {
  const address = await emptyDatabase();
  const queries = kysely(address);
  await migrate(queries.kysely);
  const query = async <Row extends object>(text: string, values?: unknown[]) =>
    (await queries.pool.query<Row>(text, values)).rows;
  await query('update carom set buckets = $1', [buckets]);
  return {
    address,
    query,
    open: (clock) => openStores(address, clock),
    clear: async () =>
      void (await query((await growingTables(query)).map((table) => `delete from ${table}`).join(';'))),
  };
}

/** Makes a database with nothing in it, not even a schema. */
export async function emptyDatabase(): Promise<Address> {
  server ??=
    process.env['CAROM_TEST_DATABASE_URL'] === undefined ? embedded() : given(process.env['CAROM_TEST_DATABASE_URL']);
  const { admin, addressOf } = await server;
  const name = `carom_test_${process.pid}_${randomUUID().slice(0, 8)}`;
  await admin.query(`create database ${name}`);
  // No test pulls the plug: waiting for the disk would only make them slow.
  await admin.query(`alter database ${name} set synchronous_commit = off`);
  closings.push(() => admin.query(`drop database ${name} with (force)`));
  return addressOf(name);
}

/** A pool of a test's own, and Kysely on it; both closed in the end. */
export function kysely(address: Address): { pool: pg.Pool; kysely: Kysely<unknown> } {
  const pool = new pg.Pool({ ...('url' in address ? { connectionString: address.url } : address), max: 4 });
  // A test that takes the server away takes these connections too.
  pool.on('error', () => undefined);
  closings.push(() => pool.end());
  return { pool, kysely: new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) }) };
}

/** Opens all stores on a migrated database. */
export async function openStores(address: Address, clock: Clock = testClock()): Promise<OpenStores> {
  const database = openDatabase(address, SILENT);
  let closed: Promise<void> | null = null;
  const close = () => (closed ??= database.close());
  closings.push(close);
  database.buckets = await readBuckets(database);
  const queries = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: database.queries }) });
  return {
    database,
    queries,
    transactions: transactionStore(database, queries),
    profiles: profileStore(database, clock),
    batches: batchStore(database, queries),
    uploads: uploadStore(database),
    answers: answerStore(database),
    sendouts: sendoutStore(database),
    events: eventStore(database, queries, clock),
    files: fileStore(database),
    receipts: receiptStore(database),
    config: configStore(database, TEST_VAULT),
    nodes: nodeStore(database),
    circuits: circuitStore(database),
    stats: statsStore(database),
    suppressions: suppressionStore(database, queries),
    tokens: tokenStore(database),
    webhooks: webhookStore(database, queries),
    tracked: trackingStore(database),
    close,
  };
}

async function embedded(): Promise<Server> {
  const dataDir = await mkdtemp(join(tmpdir(), 'carom-test-'));
  closings.push(() => rm(dataDir, { recursive: true, force: true }));
  const { connection, stop } = await startEmbeddedPostgres({ dataDir, log: () => undefined });
  closings.push(stop);
  return { admin: adminPool(connection), addressOf: (database) => ({ ...connection, database }) };
}

async function given(url: string): Promise<Server> {
  const addressOf = (database: string) => {
    const its = new URL(url);
    its.pathname = `/${database}`;
    return { url: its.href };
  };
  return { admin: adminPool({ connectionString: url }), addressOf };
}

function adminPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({ ...config, max: 1 });
  closings.push(() => pool.end());
  return pool;
}

/** All but what the migrations themselves fill. */
async function growingTables(query: TestDatabase['query']): Promise<string[]> {
  const rows = await query<{ name: string }>(
    `select tablename as name from pg_tables
     where schemaname = 'public' and tablename not in ('carom', 'migrations', 'migrations_lock')`,
  );
  return rows.map(({ name }) => name);
}
