/** The pools, and the one way a statement is run. */
import pg from 'pg';
import type { Log } from '#ports/log.ts';
import { StoreUnavailableError } from '#ports/unavailable.ts';

/** How long a connection attempt may take. */
const CONNECT_TIMEOUT_MS = 3_000;
/** A statement that runs longer is stopped: every one of ours is bounded by a page or a batch. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** How much later a server that does not even say so is given up: it is frozen, or the network between is. */
const SILENCE_MS = 2_000;
/** Connections for the engine's batches: one batch of each kind is in flight, so a dozen kinds need no more. */
const ENGINE_CONNECTIONS = 12;
/** Connections for lists and configuration. */
const QUERY_CONNECTIONS = 4;
/** How often a unit of work that met a deadlock or a serialization failure is tried. */
const CONFLICT_TRIES = 5;

/**
 * The engine's statements are batches joined to a table by its key. Their plan must not depend on statistics: on a new,
 * never analysed table the planner would scan it for every batch. What these settings leave open, {@link replan} mends.
 */
const ENGINE_PLANNER = [
  'enable_seqscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'enable_bitmapscan=off',
  'plan_cache_mode=force_generic_plan',
];

/** Where PostgreSQL is: a URL, or the embedded one's socket. */
export type Address = { url: string } | { host: string; port: number; user: string; database: string };

/** An open database. */
export interface Database {
  /** For batches: plans fixed to nested loops over indexes. */
  engine: pg.Pool;
  /** For lists and configuration: plans by the planner. */
  queries: pg.Pool;
  /** The number of buckets of this database. */
  buckets: number;
  close(): Promise<void>;
}

/** A prepared statement. */
export interface Statement {
  name: string;
  text: string;
}

/** Opens the pools. Connects to nothing yet; `buckets` is 1 until {@link readBuckets} has asked. */
export function openDatabase(address: Address, log: Log, statementTimeoutMs = STATEMENT_TIMEOUT_MS): Database {
  const open = (max: number, settings: string[]) =>
    openPool(address, max, [...settings, 'jit=off', 'timezone=UTC'], statementTimeoutMs, log);
  const engine = open(ENGINE_CONNECTIONS, ENGINE_PLANNER);
  const queries = open(QUERY_CONNECTIONS, []);
  return {
    engine,
    queries,
    buckets: 1,
    close: async () => void (await Promise.all([engine.end(), queries.end()])),
  };
}

function openPool(address: Address, max: number, settings: string[], statementTimeoutMs: number, log: Log): pg.Pool {
  const options = [...settings, `statement_timeout=${statementTimeoutMs}`];
  const pool = new pg.Pool({
    ...('url' in address ? { connectionString: address.url } : address),
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 60_000,
    query_timeout: statementTimeoutMs + SILENCE_MS,
    keepAlive: true,
    application_name: 'carom',
    options: options.map((setting) => `-c ${setting}`).join(' '),
  });
  // An idle connection broke; the pool has dropped it and makes another when one is wanted.
  pool.on('error', (error) => log.warn({ error: error.message }, 'an idle database connection broke'));
  // One that breaks between two statements of a unit of work says so here, and the next statement fails. An 'error' event
  // that nobody listens to would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/**
 * Runs one prepared statement.
 * @throws {StoreUnavailableError} when PostgreSQL cannot be reached or goes away meanwhile.
 */
export async function run<Row extends object>(pool: pg.Pool, statement: Statement, values: unknown[]): Promise<Row[]> {
  for (let tries = 1; ; tries++) {
    try {
      const result = await withConnection(pool, (client) => client.query<Row>({ ...statement, values }));
      return result.rows;
    } catch (error) {
      if (!isConflict(error) || tries >= CONFLICT_TRIES) throw error;
    }
  }
}

/**
 * Lends a connection for one statement, or for a unit of work.
 * @throws {StoreUnavailableError} when PostgreSQL cannot be reached or goes away meanwhile.
 */
export function withConnection<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  return orUnavailable(lend(pool, work));
}

async function lend<Result>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  try {
    await replan(client);
    const result = await work(client);
    client.release();
    return result;
  } catch (error) {
    // Dropped: a unit of work is rolled back by that, also when it is the connection that failed.
    client.release(true);
    throw error;
  }
}

/** How often each connection was lent. */
const uses = new WeakMap<pg.PoolClient, number>();

/**
 * A plan made for an almost empty table walks through a whole bucket, which is right then and ruinous soon after, and a
 * prepared statement keeps its plan until somebody analyses the table: on a new database, for up to a minute. So each
 * connection forgets its plans after 2, 4, 8, 16… uses.
 */
async function replan(client: pg.PoolClient): Promise<void> {
  const count = (uses.get(client) ?? 0) + 1;
  uses.set(client, count);
  if (count > 1 && Number.isInteger(Math.log2(count))) await client.query('discard plans');
}

/** The same answer; an error that means that PostgreSQL is away becomes a {@link StoreUnavailableError}. */
export async function orUnavailable<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (isAway(error)) throw new StoreUnavailableError('PostgreSQL cannot be reached', { cause: error });
    throw error;
  }
}

/**
 * Runs several statements as one unit of work.
 * @throws {StoreUnavailableError} when PostgreSQL cannot be reached or goes away meanwhile; then nothing, or all, was done.
 */
export function unitOfWork<Result>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
  return withConnection(pool, async (client) => {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  });
}

/** Asks whether PostgreSQL answers and the schema is there. */
export async function readBuckets(database: Database): Promise<number> {
  const rows = await run<{ buckets: number }>(database.queries, READ_BUCKETS, []);
  return rows[0]!.buckets;
}

const READ_BUCKETS = { name: 'read_buckets', text: 'select buckets from carom' };

/**
 * SQLSTATE classes and codes of a database that cannot serve now: connection exceptions, no slots, memory or disk space left,
 * too busy to end a statement in time, shutdown, start-up, read-only after a failover, a disk that fails.
 */
const AWAY = /^(08...|53...|57014|57P0[1-5]|25006|58030)$/;
const AWAY_SYSTEM = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** What `pg` says without a code when a connection ends or cannot be had in time. */
const AWAY_TEXT =
  /Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable|Cannot use a pool after calling end/;

function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: string };
  return code === undefined ? AWAY_TEXT.test(error.message) : AWAY.test(code) || AWAY_SYSTEM.has(code);
}

/** Deadlock detected, serialization failure: the statement did nothing and may be run again. */
function isConflict(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === '40P01' || code === '40001';
}
