/**
 * Token buckets in PostgreSQL: read, decided by the domain, written if nobody was faster. No lock outlives a statement, so
 * a node that is suspended holds up nobody. The time is the database's, so that nodes with different clocks agree.
 */
import { bucketOf, hash16 } from '#domain/ids.ts';
import { exchange } from '#domain/shared-bucket.ts';
import type { Ask, Grant, SharedBucket } from '#domain/shared-bucket.ts';
import type { TokenStore } from '#ports/token-store.ts';
import { OverloadedError } from '#ports/unavailable.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf, storableText } from './document.ts';
import { integers, jsons, texts } from './parameters.ts';
import { perBucket } from './per-bucket.ts';

/** How often an ask that another node's was faster than is decided again. */
const TRIES_MAX = 20;

/** The buckets of the names, and the time; version 0: there is none yet. */
const READ = {
  name: 'read_tokens',
  text: `select given.name, coalesce(t.version, 0) as version, t.state,
           extract(epoch from clock_timestamp())::float8 * 1000 as now
         from unnest($2::text[]) as given (name)
         left join token_buckets t on t.bucket = $1 and t.name = given.name`,
};

/** Writes each bucket that is still of its version, in the order given; the names of those that were written. */
const WRITE = {
  name: 'write_tokens',
  text: `with given as materialized (
           select * from unnest($2::text[], $3::int[], $4::json[]) as given (name, version, state)
         ), made as (
           insert into token_buckets (bucket, name, version, state, asked_at)
           select $1, given.name, 1, given.state, clock_timestamp() from given where given.version = 0
           on conflict do nothing returning name
         ), changed as (
           update token_buckets t set version = t.version + 1, state = given.state, asked_at = clock_timestamp()
           from given where t.bucket = $1 and t.name = given.name and t.version = given.version
           returning t.name
         )
         select name from made union all select name from changed`,
};

/** Forgets buckets that nobody has asked for long; what was used up of them has come back by then. */
const PRUNE = {
  name: 'prune_tokens',
  text: `delete from token_buckets t where t.bucket = $1 and t.asked_at < clock_timestamp() - $2 * interval '1 millisecond'`,
};

interface Item {
  name: string;
  ask: Ask;
}

/** The store on an open database. */
export function tokenStore(database: Database): TokenStore {
  const settle = perBucket({
    run: (bucket, items: Item[]) => settleAll(database, bucket, items),
    key: ({ name }) => name,
  });
  return {
    exchange: async (given, ask) => {
      const name = storableText(given);
      const grant = await settle(bucketOf(hash16(name), database.buckets), { name, ask });
      if (!grant) throw new OverloadedError(`too many nodes ask for the tokens of ${name} at once`);
      return grant;
    },
    prune: async (unusedMs) => {
      for (let bucket = 0; bucket < database.buckets; bucket++) await run(database.engine, PRUNE, [bucket, unusedMs]);
    },
  };
}

/** The grants of the items; null for one that others were faster than, again and again. */
async function settleAll(database: Database, bucket: number, items: Item[]): Promise<(Grant | null)[]> {
  const grants = new Map<string, Grant>();
  // In one order on all nodes: two that write the same buckets wait for each other, never in a circle.
  let open = items.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (let tries = 0; open.length > 0 && tries < TRIES_MAX; tries++) {
    const decided = await decideAll(database, bucket, open);
    const values = [
      bucket,
      texts(decided.map(({ name }) => name)),
      integers(decided.map(({ version }) => version)),
      jsons(decided.map(({ shared }) => documentOf(shared))),
    ];
    const written = new Set((await run<{ name: string }>(database.engine, WRITE, values)).map(({ name }) => name));
    for (const { name, grant } of decided) if (written.has(name)) grants.set(name, grant);
    open = open.filter(({ name }) => !written.has(name));
  }
  return items.map(({ name }) => grants.get(name) ?? null);
}

async function decideAll(database: Database, bucket: number, items: Item[]) {
  interface Row {
    name: string;
    version: number;
    state: SharedBucket | null;
    now: number;
  }
  const rows = await run<Row>(database.engine, READ, [bucket, texts(items.map(({ name }) => name))]);
  const found = new Map(rows.map((row) => [row.name, row]));
  return items.map(({ name, ask }) => {
    const { version, state, now } = found.get(name)!;
    return { name, version, ...exchange(state, ask, now) };
  });
}
