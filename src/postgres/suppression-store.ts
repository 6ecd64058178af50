/** Suppression lists in PostgreSQL. */
import { sql } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';
import type { Channel } from '#domain/campaign.ts';
import { bucketOf, hash16 } from '#domain/ids.ts';
import type { SuppressedAddress, Suppression, SuppressionReason } from '#domain/suppression.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { SuppressionFilter, SuppressionStore, UsedChannel } from '#ports/suppression-store.ts';
import type { Page } from '#ports/transaction-store.ts';
import { orUnavailable, run } from './connection.ts';
import type { Database } from './connection.ts';
import { storableText } from './document.ts';
import { pageOf } from './page.ts';
import { instants, texts, uuids } from './parameters.ts';
import { perBucket } from './per-bucket.ts';

/** A statement that is committed later than this after its row got its time does not exist: statements are stopped before. */
const COMMIT_MAX_MS = 60_000;

/** The store on an open database. */
export function suppressionStore(database: Database, queries: Kysely<unknown>): SuppressionStore {
  const bucketOfAddress = ({ accountId, channel, address }: SuppressedAddress) =>
    bucketOf(hash16(accountId, channel, address), database.buckets);
  const put = perBucket({
    key: ({ accountId, channel, address }: Suppression) => JSON.stringify([accountId, channel, address]),
    run: (bucket, batch: Suppression[]) => putSuppressions(database, bucket, batch),
  });
  const has = perBucket({ run: (bucket, wanted: SuppressedAddress[]) => hasSuppressions(database, bucket, wanted) });
  const storable = <One extends SuppressedAddress>(one: One) => ({ ...one, address: storableText(one.address) });
  return {
    put: (given) => {
      const suppression = storable(given);
      return put(bucketOfAddress(suppression), suppression);
    },
    has: (given) => {
      const wanted = storable(given);
      return has(bucketOfAddress(wanted), wanted);
    },
    find: async (given) => {
      const { accountId, channel, address } = storable(given);
      const values = [bucketOfAddress({ accountId, channel, address }), accountId, channel, address];
      const [row] = await run<SuppressionRow>(database.queries, FIND, values);
      return row ? suppressionOf(row) : null;
    },
    remove: async (given) => {
      const { accountId, channel, address } = storable(given);
      const values = [bucketOfAddress({ accountId, channel, address }), accountId, channel, address];
      return (await run(database.queries, REMOVE, values)).length > 0;
    },
    list: (filter, limit, cursor) => orUnavailable(listSuppressions(queries, database.buckets, filter, limit, cursor)),
    use: async ({ accountId, channel }) => void (await run(database.queries, USE, [accountId, channel])),
    used: (since) => readUsed(database, since),
  };
}

/** Writes a batch in the order of its keys, so that two nodes wait for each other, never in a circle. */
const PUT = {
  name: 'put_suppressions',
  text: `insert into suppressions (bucket, account_id, channel, address, reason, at, provider_id, message_id)
         select $1, g.*
         from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::uuid[])
           as g (account_id, channel, address, reason, at, provider_id, message_id)
         order by g.account_id, g.channel, g.address
         on conflict (bucket, account_id, channel, address) do update
           set reason = excluded.reason, at = excluded.at, provider_id = excluded.provider_id, message_id = excluded.message_id`,
};

async function putSuppressions(database: Database, bucket: number, batch: Suppression[]): Promise<void[]> {
  await run(database.engine, PUT, [
    bucket,
    texts(batch.map(({ accountId }) => accountId)),
    texts(batch.map(({ channel }) => channel)),
    texts(batch.map(({ address }) => address)),
    texts(batch.map(({ reason }) => reason)),
    instants(batch.map(({ at }) => at)),
    texts(batch.map(({ providerId }) => providerId)),
    uuids(batch.map(({ messageId }) => messageId)),
  ]);
  return batch.map(() => undefined);
}

/** Looks a batch of one bucket up, one by one: the planner cannot turn it into a walk through the bucket. */
const HAS = {
  name: 'has_suppressions',
  text: `select wanted.place::int
         from unnest($2::text[], $3::text[], $4::text[]) with ordinality as wanted (account_id, channel, address, place)
         cross join lateral (
           select 1 as one from suppressions s
           where s.bucket = $1 and s.account_id = wanted.account_id and s.channel = wanted.channel and s.address = wanted.address
           limit 1
         ) s`,
};

async function hasSuppressions(database: Database, bucket: number, wanted: SuppressedAddress[]): Promise<boolean[]> {
  const rows = await run<{ place: number }>(database.engine, HAS, [
    bucket,
    texts(wanted.map(({ accountId }) => accountId)),
    texts(wanted.map(({ channel }) => channel)),
    texts(wanted.map(({ address }) => address)),
  ]);
  const found = new Set(rows.map(({ place }) => place));
  return wanted.map((_, index) => found.has(index + 1));
}

const FIND = {
  name: 'find_suppression',
  text: 'select * from suppressions where bucket = $1 and account_id = $2 and channel = $3 and address = $4',
};

const REMOVE = {
  name: 'remove_suppression',
  text: `delete from suppressions where bucket = $1 and account_id = $2 and channel = $3 and address = $4
         returning 1 as one`,
};

const USE = {
  name: 'use_suppressions',
  text: 'insert into suppressed_channels (account_id, channel) values ($1, $2) on conflict do nothing',
};

const READ_USED = {
  name: 'read_suppressed_channels',
  text: `select account_id, channel, extract(epoch from clock_timestamp())::float8 * 1000 as read_at
         from (select 1) as always left join suppressed_channels on since >= $1`,
};

interface UsedRow {
  account_id: string | null;
  channel: Channel | null;
  read_at: number;
}

/** Looks back a while: what was not committed at the last reading has an earlier time than that. */
async function readUsed(
  { queries }: Database,
  since: Instant | null,
): Promise<{ channels: UsedChannel[]; readAt: Instant }> {
  const from = since === null ? '-infinity' : isoTime(since - COMMIT_MAX_MS);
  const rows = await run<UsedRow>(queries, READ_USED, [from]);
  const channels = rows.flatMap(({ account_id: accountId, channel }) =>
    accountId === null || channel === null ? [] : [{ accountId, channel }],
  );
  return { channels, readAt: Math.floor(rows[0]!.read_at) };
}

interface SuppressionRow {
  account_id: string;
  channel: Channel;
  address: string;
  reason: SuppressionReason;
  at: Date;
  provider_id: string | null;
  message_id: string | null;
}

function suppressionOf(row: SuppressionRow): Suppression {
  const { account_id: accountId, channel, address, reason } = row;
  return {
    accountId,
    channel,
    address,
    reason,
    at: row.at.getTime(),
    providerId: row.provider_id,
    messageId: row.message_id,
  };
}

/** One page: every bucket's newest rows beyond the cursor, merged. Takes no locks. */
async function listSuppressions(
  queries: Kysely<unknown>,
  buckets: number,
  { accountId, channel, reason }: SuppressionFilter,
  limit: number,
  cursor: string | null,
): Promise<Page<Suppression>> {
  const conditions: RawBuilder<unknown>[] = [sql`s.account_id = ${accountId}`];
  if (cursor !== null) {
    const [at, of, address] = cursor.split('.') as [string, string, string];
    const last = storableText(Buffer.from(address, 'base64url').toString());
    conditions.push(sql`(s.at, s.channel, s.address) < (${isoTime(Number(at))}::timestamptz, ${of}, ${last})`);
  }
  if (channel !== undefined) conditions.push(sql`s.channel = ${channel}`);
  if (reason !== undefined) conditions.push(sql`s.reason = ${reason}`);
  const { rows } = await sql<SuppressionRow>`
    select s.* from generate_series(0, ${buckets - 1}::int) as bucket (number)
    cross join lateral (
      select * from suppressions s
      where s.bucket = bucket.number and ${sql.join(conditions, sql` and `)}
      order by s.at desc, s.channel desc, s.address desc limit ${limit + 1}
    ) s
    order by s.at desc, s.channel desc, s.address desc limit ${limit + 1}`.execute(queries);
  return pageOf(rows.map(suppressionOf), limit, ({ at, channel: of, address }) =>
    [at, of, Buffer.from(address).toString('base64url')].join('.'),
  );
}
