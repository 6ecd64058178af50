/** Profiles in PostgreSQL. */
import { bucketOf, hash16 } from '#domain/ids.ts';
import type { AccountId, TransactionId, UserId } from '#domain/ids.ts';
import { withoutAddresses } from '#domain/profile.ts';
import type { Profile, ProfileFields } from '#domain/profile.ts';
import { subscriptionKeys } from '#domain/subscription.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import { isoTime } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';
import { OverloadedError } from '#ports/unavailable.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf } from './document.ts';
import { findUsers } from './profile-find.ts';
import { perBucket } from './per-bucket.ts';

interface User {
  accountId: AccountId;
  userId: UserId;
}

interface Merge extends User {
  fields: ProfileFields;
  /** Null: not on behalf of a transaction, always done. */
  transactionId: TransactionId | null;
}

/** Reads a batch of one bucket, one by one: the planner cannot turn it into a walk through the bucket. */
const LOAD = {
  name: 'load_profiles',
  text: `select p.account_id, p.user_id, p.fields, p.attributes, p.consents
         from unnest($2::text[], $3::text[]) as wanted (account_id, user_id)
         cross join lateral (
           select * from profiles p
           where p.bucket = $1 and p.account_id = wanted.account_id and p.user_id = wanted.user_id limit 1
         ) p`,
};

/**
 * Merges a batch of one bucket, one row a user. Those on behalf of a transaction first leave its mark, and only where the
 * mark is new is the profile written: both in one statement. `||` overwrites given keys and keeps the others, under the
 * row's lock, so that of two concurrent merges neither's fields are lost. First all marks, then all profiles, each in
 * order: sorting reads them all before the first is written. So two nodes wait for each other, never in a circle.
 */
const MERGE = {
  name: 'merge_profiles',
  text: `with given as (
           select * from unnest($2::text[], $3::text[], $4::jsonb[], $5::jsonb[], $6::jsonb[], $7::uuid[], $9::jsonb[])
             as g (account_id, user_id, fields, attributes, consents, transaction_id, keys)
         ), marked as (
           insert into profile_writes (bucket, account_id, transaction_id, at)
           select $1, account_id, transaction_id, $8::timestamptz from given where transaction_id is not null
           order by account_id, transaction_id
           on conflict do nothing
           returning account_id, transaction_id
         )
         insert into profiles as p (bucket, account_id, user_id, fields, attributes, consents, updated_at, subscription_keys)
         select $1, g.account_id, g.user_id, g.fields, g.attributes, g.consents, $8::timestamptz,
           case when g.keys is not null then array(select jsonb_array_elements_text(g.keys)) end
         from given g
         where g.transaction_id is null
           or (g.account_id, g.transaction_id) in (select account_id, transaction_id from marked)
         order by g.account_id, g.user_id
         on conflict (bucket, account_id, user_id) do update
           set fields = p.fields || excluded.fields, attributes = p.attributes || excluded.attributes,
             consents = p.consents || excluded.consents, updated_at = excluded.updated_at,
             subscription_keys = coalesce(excluded.subscription_keys, p.subscription_keys)`,
};

const PUT = {
  name: 'put_profile',
  text: `insert into profiles (bucket, account_id, user_id, fields, attributes, consents, updated_at, subscription_keys)
         values ($1, $2, $3, $4, $5, $6, $7, case when $8::jsonb is not null then array(select jsonb_array_elements_text($8)) end)
         on conflict (bucket, account_id, user_id) do update
           set fields = excluded.fields, attributes = excluded.attributes, consents = excluded.consents,
             updated_at = excluded.updated_at, subscription_keys = excluded.subscription_keys`,
};

/** Replaces the fields, if they are still what they were when they were read: whoever comes too late reads them again. */
const REPLACE_FIELDS = {
  name: 'replace_profile_fields',
  text: `update profiles
         set fields = $5, updated_at = $6,
           subscription_keys = case when $7::jsonb is null then subscription_keys else array(select jsonb_array_elements_text($7)) end
         where bucket = $1 and account_id = $2 and user_id = $3 and fields = $4::jsonb
         returning 1 as one`,
};

const REMOVE = {
  name: 'remove_profile',
  text: 'delete from profiles where bucket = $1 and account_id = $2 and user_id = $3 returning 1 as one',
};

/** How often fields are read again that somebody else has just written. */
const FORGET_TRIES = 20;

/** The store on an open database. */
export function profileStore(database: Database, clock: Clock): ProfileStore {
  const bucketOfUser = (accountId: AccountId, userId: UserId) => bucketOf(hash16(accountId, userId), database.buckets);
  const load = perBucket({ run: (bucket, wanted: User[]) => loadProfiles(database, bucket, wanted) });
  const merge = perBucket({
    key: ({ accountId, userId }: Merge) => `${accountId} ${userId}`,
    run: async (bucket, batch: Merge[]) => {
      const parts = batch.map(({ fields }) => partsOf(fields));
      await run(database.engine, MERGE, [
        bucket,
        batch.map(({ accountId }) => accountId),
        batch.map(({ userId }) => userId),
        parts.map(({ fields }) => fields),
        parts.map(({ attributes }) => attributes),
        parts.map(({ consents }) => consents),
        batch.map(({ transactionId }) => transactionId),
        isoTime(clock.now()),
        parts.map(({ keys }) => keys),
      ]);
      return batch.map(() => undefined);
    },
  });
  return {
    load: (accountId, userId) => load(bucketOfUser(accountId, userId), { accountId, userId }),
    merge: (accountId, userId, fields) =>
      merge(bucketOfUser(accountId, userId), { accountId, userId, fields, transactionId: null }),
    mergeOnce: (accountId, userId, fields, transactionId) =>
      merge(bucketOfUser(accountId, userId), { accountId, userId, fields, transactionId }),
    put: async (accountId, userId, given) => {
      const { fields, attributes, consents, keys } = partsOf(given);
      const place = [bucketOfUser(accountId, userId), accountId, userId];
      await run(database.engine, PUT, [...place, fields, attributes, consents, isoTime(clock.now()), keys]);
    },
    forgetDevices: async (accountId, userId, addresses) => {
      const bucket = bucketOfUser(accountId, userId);
      for (let tries = 0; tries < FORGET_TRIES; tries++) {
        const profile = await load(bucket, { accountId, userId });
        const left = profile && withoutAddresses(profile.fields, addresses);
        if (!left) return false;
        const before = partsOf(profile.fields).fields;
        const { fields } = partsOf({ ...profile.fields, ...left });
        const keys = left.subscriptions ? documentOf(subscriptionKeys(left.subscriptions)) : null;
        const values = [bucket, accountId, userId, before, fields, isoTime(clock.now()), keys];
        if ((await run(database.engine, REPLACE_FIELDS, values)).length > 0) return true;
      }
      throw new OverloadedError(`the profile of ${userId} is being written too often`);
    },
    findUsers: (accountId, key, values) => findUsers(database, accountId, key, values),
    remove: async (accountId, userId) => {
      const place = [bucketOfUser(accountId, userId), accountId, userId];
      return (await run(database.engine, REMOVE, place)).length > 0;
    },
  };
}

function partsOf({ attributes = {}, consents = {}, ...fields }: ProfileFields) {
  return {
    fields: documentOf(fields),
    attributes: documentOf(attributes),
    consents: documentOf(consents),
    /** By what the subscriptions can be found; null: they were not given, and stay what they are. */
    keys: fields.subscriptions ? documentOf(subscriptionKeys(fields.subscriptions)) : null,
  };
}

interface ProfileRow {
  account_id: AccountId;
  user_id: UserId;
  fields: ProfileFields;
  attributes: NonNullable<ProfileFields['attributes']>;
  consents: NonNullable<ProfileFields['consents']>;
}

async function loadProfiles(database: Database, bucket: number, wanted: User[]): Promise<(Profile | null)[]> {
  const rows = await run<ProfileRow>(database.engine, LOAD, [
    bucket,
    wanted.map(({ accountId }) => accountId),
    wanted.map(({ userId }) => userId),
  ]);
  const found = new Map(rows.map((row) => [JSON.stringify([row.account_id, row.user_id]), row]));
  return wanted.map(({ accountId, userId }) => {
    const row = found.get(JSON.stringify([accountId, userId]));
    return row
      ? { accountId, userId, fields: { ...row.fields, attributes: row.attributes, consents: row.consents } }
      : null;
  });
}
