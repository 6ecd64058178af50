/** Counters in PostgreSQL. */
import { bucketOf, hash16 } from '#domain/ids.ts';
import { isoTime } from '#domain/time.ts';
import type { Count, StatsStore } from '#ports/stats-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';

/** Adds up a flush of one bucket; rows in key order, so that two nodes' flushes do not deadlock. */
const ADD = {
  name: 'add_counts',
  text: `insert into stats as s (bucket, account_id, hour, campaign_id, channel, what, count)
         select $1, account_id, hour, campaign_id, channel, what, sum(count)
         from unnest($2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::bigint[])
           as given (account_id, hour, campaign_id, channel, what, count)
         group by account_id, hour, campaign_id, channel, what
         order by account_id, hour, campaign_id, channel, what
         on conflict (bucket, account_id, hour, campaign_id, channel, what) do update set count = s.count + excluded.count`,
};

const READ = {
  name: 'read_counts',
  text: `select account_id, hour, campaign_id, channel, what, count::float8 as count from stats
         where bucket = $1 and account_id = $2 and hour >= $3 order by hour, campaign_id, channel, what`,
};

interface CountRow {
  account_id: string;
  hour: Date;
  campaign_id: string;
  channel: string;
  what: string;
  count: number;
}

/** The store on an open database. */
export function statsStore(database: Database): StatsStore {
  const bucketOfAccount = (accountId: string) => bucketOf(hash16(accountId), database.buckets);
  return {
    add: async (counts) => {
      for (const [bucket, batch] of Map.groupBy(counts, ({ accountId }) => bucketOfAccount(accountId))) {
        await run(database.engine, ADD, [
          bucket,
          batch.map(({ accountId }) => accountId),
          batch.map(({ hour }) => isoTime(hour)),
          batch.map(({ campaignId }) => campaignId),
          batch.map(({ channel }) => channel),
          batch.map(({ what }) => what),
          batch.map(({ count }) => count),
        ]);
      }
    },
    read: async (accountId, since) => {
      const values = [bucketOfAccount(accountId), accountId, isoTime(since)];
      return (await run<CountRow>(database.queries, READ, values)).map(countOf);
    },
  };
}

function countOf(row: CountRow): Count {
  const { what, channel, count } = row;
  return { accountId: row.account_id, hour: row.hour.getTime(), campaignId: row.campaign_id, channel, what, count };
}
