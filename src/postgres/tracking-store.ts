/** Tracked messages in PostgreSQL. A key begins with the routing hash, so it says itself which bucket it is in. */
import type { Channel } from '#domain/campaign.ts';
import { bucketOf } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Instant } from '#domain/time.ts';
import type { FoundLink, TrackedMessage, TrackingStore } from '#ports/tracking-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { instants, integers, texts, uuids } from './parameters.ts';
import { perBucket } from './per-bucket.ts';

/** Rows that one statement prunes. */
const PRUNE_PAGE = 1_000;
/** Bits of a key behind the routing hash. */
const KEY_BITS = 48n;

/** The store on an open database. */
export function trackingStore(database: Database): TrackingStore {
  const bucketOfKey = (key: bigint) => bucketOf(Number(BigInt.asUintN(64, key) >> KEY_BITS), database.buckets);
  const keep = perBucket({
    key: ({ key }) => String(key),
    run: (bucket, batch: TrackedMessage[]) => keepTracked(database, bucket, batch),
  });
  const find = perBucket({ run: (bucket, wanted: Wanted[]) => findTracked(database, bucket, wanted) });
  return {
    secret: async () => (await run<{ secret: Buffer }>(database.queries, READ_SECRET, []))[0]!.secret,
    keep: (message) => keep(bucketOfKey(message.key), message),
    find: (key, link) => find(bucketOfKey(key), { key, link }),
    prune: async (before) => {
      for (let bucket = 0; bucket < database.buckets; bucket++) {
        while ((await pruneTracked(database, bucket, before, PRUNE_PAGE)) === PRUNE_PAGE);
      }
    },
  };
}

const READ_SECRET = { name: 'read_tracking_secret', text: 'select tracking_secret as secret from carom' };

/** PostgreSQL's is signed. */
function signed(key: bigint): string {
  return String(BigInt.asIntN(64, key));
}

/**
 * Inserts a batch in the order of its keys, so that two nodes wait for each other, never in a circle. A row that is there
 * is locked and written anew only for the same message: of two with one key, which is all but impossible, the first stays.
 */
const KEEP = {
  name: 'keep_tracked',
  text: `insert into tracked_messages as t (bucket, key, account_id, message_id, user_id, channel, urls, at)
         select $1, g.key, g.account_id, g.message_id, g.user_id, g.channel, string_to_array(g.urls, E'\\n'), g.at
         from unnest($2::bigint[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
           as g (key, account_id, message_id, user_id, channel, urls, at)
         order by g.key
         on conflict (bucket, key) do update set urls = excluded.urls, at = excluded.at
           where t.message_id = excluded.message_id`,
};

async function keepTracked(database: Database, bucket: number, batch: TrackedMessage[]): Promise<void[]> {
  await run(database.engine, KEEP, [
    bucket,
    batch.map(({ key }) => signed(key)),
    texts(batch.map(({ accountId }) => accountId)),
    uuids(batch.map(({ messageId }) => messageId)),
    texts(batch.map(({ userId }) => userId)),
    texts(batch.map(({ channel }) => channel)),
    texts(batch.map(({ urls }) => urls.join('\n'))),
    instants(batch.map(({ at }) => at)),
  ]);
  return batch.map(() => undefined);
}

interface Wanted {
  key: bigint;
  link: number;
}

/** Reads a batch of one bucket, one by one: the planner cannot turn it into a walk through the bucket. Of the urls only the one. */
const FIND = {
  name: 'find_tracked',
  text: `select wanted.place::int, t.account_id, t.message_id, t.user_id, t.channel, t.url
         from unnest($2::bigint[], $3::int[]) with ordinality as wanted (key, link, place)
         cross join lateral (
           select t.account_id, t.message_id, t.user_id, t.channel, t.urls[wanted.link + 1] as url
           from tracked_messages t where t.bucket = $1 and t.key = wanted.key limit 1
         ) t`,
};

interface FoundRow {
  place: number;
  account_id: string;
  message_id: string;
  user_id: string;
  channel: Channel;
  url: string | null;
}

async function findTracked(database: Database, bucket: number, wanted: Wanted[]): Promise<(FoundLink | null)[]> {
  const values = [bucket, wanted.map(({ key }) => signed(key)), integers(wanted.map(({ link }) => link))];
  const found: (FoundLink | null)[] = wanted.map(() => null);
  for (const row of await run<FoundRow>(database.engine, FIND, values)) {
    const { account_id: accountId, message_id: messageId, user_id: userId, channel, url } = row;
    found[row.place - 1] = { accountId, messageId, userId, channel, url };
  }
  return found;
}

/** Deletes a page of old messages; rows that another node is deleting are skipped. */
const PRUNE = {
  name: 'prune_tracked',
  text: `with old as materialized (
           select key from tracked_messages where bucket = $1 and at < $2
           order by at limit $3 for update skip locked
         )
         delete from tracked_messages t using old where t.bucket = $1 and t.key = old.key
         returning 1 as one`,
};

async function pruneTracked(database: Database, bucket: number, before: Instant, limit: number): Promise<number> {
  return (await run(database.engine, PRUNE, [bucket, isoTime(before), limit])).length;
}
