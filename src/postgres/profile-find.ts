/** The statements that find users by what is known about them. They take no locks. */
import { bucketOf, hash16 } from '#domain/ids.ts';
import type { AccountId, UserId } from '#domain/ids.ts';
import { unreachable } from '#domain/unreachable.ts';
import type { UserKey } from '#ports/profile-store.ts';
import { run, unitOfWork } from './connection.ts';
import type { Database, Statement } from './connection.ts';
import { documentOf, storableText } from './document.ts';
import { texts } from './parameters.ts';

/** Each value is looked up alone, in the index of its key: `is not distinct from` uses none, so it cannot be another's. */
function finding(key: Exclude<UserKey, 'user_id'>, condition: string): Statement {
  return {
    name: `find_users_by_${key}`,
    text: `select wanted.value, p.user_id
           from unnest($3::text[]) as wanted (value)
           cross join lateral (
             select min(user_id) as user_id from profiles p
             where p.bucket = $1 and ${condition} and p.account_id is not distinct from $2
           ) p
           where p.user_id is not null`,
  };
}

const BY_VALUE = {
  email: finding('email', `lower(p.fields ->> 'email') = lower(wanted.value)`),
  phone: finding('phone', `translate(p.fields ->> 'phone', ' -./()', '') = translate(wanted.value, ' -./()', '')`),
  internal_id: finding('internal_id', `(p.fields ->> 'internalId') = wanted.value`),
};

/** By what a profile has among others. Such an index gives bitmaps alone, which the engine's sessions do without. */
const BY_MEMBER = {
  subscription: finding('subscription', 'p.subscription_keys @> array[wanted.value]'),
  attribute: finding('attribute', 'p.attributes @> wanted.value::jsonb'),
};
/** Pages that cost nothing: else a planner reads a whole bucket's entries of the primary key to spare itself a few. */
const ALLOW_BITMAPS = `set local enable_bitmapscan = on; set local enable_indexscan = off;
  set local random_page_cost = 0; set local seq_page_cost = 0`;

/** Those of a bucket that have a profile. */
const BY_USER_ID = {
  name: 'find_users_by_user_id',
  text: `select wanted.value, wanted.value as user_id
         from unnest($3::text[]) as wanted (value)
         cross join lateral (
           select 1 as one from profiles p
           where p.bucket = $1 and p.account_id = $2 and p.user_id = wanted.value limit 1
         ) p`,
};

interface FoundRow {
  value: string;
  user_id: UserId;
}

/** See {@link import('#ports/profile-store.ts').ProfileStore.findUsers}. User ids say their bucket; all else is asked of every one. */
export async function findUsers(
  database: Database,
  accountId: AccountId,
  key: UserKey,
  values: string[],
): Promise<Map<string, UserId>> {
  if (values.length === 0) return new Map();
  const asked = [...questions(database, accountId, key, values)].map(([bucket, wanted]) =>
    ask(database, key, [bucket, accountId, texts(wanted)]),
  );
  const found = new Map<string, UserId>();
  for (const { value, user_id: userId } of (await Promise.all(asked)).flat()) {
    const known = found.get(value);
    if (known === undefined || userId < known) found.set(value, userId);
  }
  return found;
}

function ask({ engine }: Database, key: UserKey, values: unknown[]): Promise<FoundRow[]> {
  switch (key) {
    case 'user_id':
      return run<FoundRow>(engine, BY_USER_ID, values);
    case 'subscription':
    case 'attribute':
      return unitOfWork(engine, async (client) => {
        await client.query(ALLOW_BITMAPS);
        return (await client.query<FoundRow>({ ...BY_MEMBER[key], values })).rows;
      });
    case 'email':
    case 'phone':
    case 'internal_id':
      return run<FoundRow>(engine, BY_VALUE[key], values);
    default:
      return unreachable(key);
  }
}

function questions({ buckets }: Database, accountId: AccountId, key: UserKey, values: string[]): Map<number, string[]> {
  // A key of attributes is a document, of which a text that cannot be stored is only a part.
  const storable = key === 'attribute' ? (value: string) => documentOf(JSON.parse(value)) : storableText;
  const wanted = [...new Set(values.map(storable))];
  if (key === 'user_id') return Map.groupBy(wanted, (userId) => bucketOf(hash16(accountId, userId), buckets));
  return new Map(Array.from({ length: buckets }, (_, bucket) => [bucket, wanted]));
}
