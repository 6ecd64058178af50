/** The calls of webhooks in PostgreSQL: which bucket, which batch. The statements are in `webhook-*.ts`. */
import type { Kysely } from 'kysely';
import { bucketOf, hash16, hash16OfId, parseMessageId } from '#domain/ids.ts';
import type { CallName, ClaimedCall, SettledCall, WebhookName, WebhookStore } from '#ports/webhook-store.ts';
import { acrossBuckets, inTurnAcrossBuckets } from './across-buckets.ts';
import { orUnavailable } from './connection.ts';
import type { Database } from './connection.ts';
import { perBucket } from './per-bucket.ts';
import { addCalls } from './webhook-add.ts';
import { claimCalls, dueWebhooks } from './webhook-claim.ts';
import { findCall, listCalls, replayCall, replayCalls } from './webhook-log.ts';
import { countWaiting, giveUpAll, giveUpLate, pruneCalls } from './webhook-prune.ts';
import { lastDelivered, noteDelivered, settleCalls } from './webhook-settle.ts';

/** A call's id begins with the UUID of what it is about. */
const UUID_LENGTH = 36;
const FIRST: WebhookName = { accountId: '', webhookId: '' };
/** Calls that one statement replays or gives up. */
const PAGE = 1_000;

/** The store on an open database. */
export function webhookStore(database: Database, queries: Kysely<unknown>): WebhookStore {
  return { ...queueOf(database), ...logOf(database, queries), ...healthOf(database) };
}

/** What waits, and what is to be done with it. */
function queueOf(database: Database): Pick<WebhookStore, 'add' | 'due' | 'claim' | 'settle' | 'waiting' | 'giveUpAll'> {
  const settle = perBucket({ run: (bucket, batch: SettledCall[]) => settleCalls(database, bucket, batch) });
  const inTurn = inTurnAcrossBuckets(database);
  const inOrder = acrossBuckets(database);
  /** After which webhook of a bucket the next question begins: where there are more than fit, all get their turn. */
  const asked = new Map<number, WebhookName>();
  return {
    add: async (calls) => {
      for (const [bucket, its] of Map.groupBy(calls, ({ id }) => bucketOfCall(database, id)))
        await addCalls(database, bucket, its);
    },
    due: (now, limit) =>
      inTurn(limit, async (bucket, rest) => {
        const found = await dueWebhooks(database, bucket, now, rest, asked.get(bucket) ?? FIRST);
        if (found.length < rest) asked.delete(bucket);
        else asked.set(bucket, found.at(-1)!);
        return found;
      }),
    claim: async (rooms, now, claimMs, near) => {
      const claimed: ClaimedCall[] = [];
      let left = rooms;
      for (const bucket of bucketsOf(database, near)) {
        const calls = left.length === 0 ? [] : await claimCalls(database, bucket, left, now, now + claimMs);
        claimed.push(...calls);
        if (calls.length > 0) left = less(left, calls);
      }
      return claimed;
    },
    settle: (call) => settle(bucketOfCall(database, call.id), call),
    waiting: async (limit) => {
      let count = 0;
      for (let bucket = 0; bucket < database.buckets && count < limit; bucket++)
        count += await countWaiting(database, bucket, limit - count);
      return count;
    },
    giveUpAll: async (name, now, error, limit) =>
      (await inOrder(limit, (bucket, rest) => giveUpAll(database, bucket, name, { now, error, limit: rest }))).length,
  };
}

/** What is remembered of calls, and for how long. */
function logOf(
  database: Database,
  queries: Kysely<unknown>,
): Pick<WebhookStore, 'list' | 'find' | 'replay' | 'replayRange' | 'giveUpLate' | 'prune'> {
  const inOrder = acrossBuckets(database);
  const forGivingUp = inTurnAcrossBuckets(database);
  const forRetention = inTurnAcrossBuckets(database);
  return {
    list: (filter, limit, cursor) => orUnavailable(listCalls(queries, database.buckets, filter, limit, cursor)),
    find: async (name) => {
      const lane = laneOf(name.id);
      return lane === null ? null : findCall(database, bucketOfCall(database, name.id), lane, name);
    },
    replay: async (name, now, giveUpAt) => {
      const lane = laneOf(name.id);
      return lane !== null && replayCall(database, bucketOfCall(database, name.id), lane, name, now, giveUpAt);
    },
    replayRange: async (filter, now, giveUpAt, limit) => {
      const replayed = await inOrder(limit, (bucket, rest) =>
        pageByPage(rest, (page) => replayCalls(database, bucket, filter, { now, giveUpAt, limit: page })),
      );
      return replayed.length;
    },
    giveUpLate: (now, limit) => forGivingUp(limit, (bucket, rest) => giveUpLate(database, bucket, now, rest)),
    prune: async (now, limit) =>
      (await forRetention(limit, (bucket, rest) => pruneCalls(database, bucket, now, rest))).length,
  };
}

function healthOf(database: Database): Pick<WebhookStore, 'noteDelivered' | 'lastDelivered'> {
  const bucketOfWebhook = ({ accountId, webhookId }: WebhookName) =>
    bucketOf(hash16(accountId, webhookId), database.buckets);
  return {
    noteDelivered: (name, at) => noteDelivered(database, bucketOfWebhook(name), name.accountId, name.webhookId, at),
    lastDelivered: (name) => lastDelivered(database, bucketOfWebhook(name), name.accountId, name.webhookId),
  };
}

/** Page after page of a bucket, until nothing or the limit is left. */
async function pageByPage<Row>(rest: number, page: (limit: number) => Promise<Row[]>): Promise<Row[]> {
  const found: Row[] = [];
  for (;;) {
    const limit = Math.min(PAGE, rest - found.length);
    const rows = limit > 0 ? await page(limit) : [];
    found.push(...rows);
    if (rows.length < limit || limit <= 0) return found;
  }
}

/** A call's id begins with a UUID that names its bucket; of what is no call's id, any will do. */
function bucketOfCall({ buckets }: Database, id: string): number {
  return bucketOf(hash16OfId(id.slice(0, UUID_LENGTH)) || 0, buckets);
}

function bucketsOf(database: Database, near: readonly string[] | null): Iterable<number> {
  if (near) return new Set(near.map((id) => bucketOfCall(database, id)));
  return Array.from({ length: database.buckets }, (_, bucket) => bucket);
}

/** The rooms without what has been claimed. */
function less<Room extends WebhookName & { calls: number }>(rooms: Room[], claimed: WebhookName[]): Room[] {
  return rooms
    .map((room) => {
      const its = claimed.filter((call) => call.accountId === room.accountId && call.webhookId === room.webhookId);
      return { ...room, calls: room.calls - its.length };
    })
    .filter(({ calls }) => calls > 0);
}

/** A call's lane is told by its id: the transaction's, or batch's, that it is about. Null: it is no call's id. */
function laneOf(id: CallName['id']): string | null {
  const uuid = id.slice(0, UUID_LENGTH);
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) return null;
  // What is about a batch has no transaction, and its id may look like a message's.
  if (id.endsWith('_batch')) return uuid;
  return parseMessageId(uuid)?.transactionId ?? uuid;
}
