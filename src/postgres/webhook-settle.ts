/** The statement that writes what became of claimed calls. */
import { isoTime } from '#domain/time.ts';
import { DELIVERED_KEPT_MS, FAILED_KEPT_MS } from '#ports/webhook-store.ts';
import type { SettledCall } from '#ports/webhook-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { storableText } from './document.ts';
import { instants, integers, texts, uuids } from './parameters.ts';

/** Characters of an error that are kept. */
const ERROR_LENGTH_MAX = 500;

/**
 * Writes a batch of one bucket. What is no longer waiting stays as it is: another node made the call after our claim had ended.
 * Rows are locked in the order of their ids, so that two nodes wait for each other, never in a circle.
 */
const SETTLE = {
  name: 'settle_webhook_calls',
  text: `update webhook_calls c
         set state = given.state, due_at = given.due_at, claimed_until = null, until = coalesce(given.until, c.until),
           tried_at = case when given.is_made then given.at else c.tried_at end,
           status = case when given.is_made then given.status else c.status end,
           error = case when given.is_made then given.error else c.error end,
           attempts = c.attempts - (not given.is_made)::int
         from unnest($2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[],
           $9::timestamptz[], $10::int[], $11::text[], $12::bool[])
           as given (account_id, webhook_id, lane, id, state, due_at, until, at, status, error, is_made)
         where c.bucket = $1 and c.account_id = given.account_id and c.webhook_id = given.webhook_id and c.lane = given.lane
           and c.id = given.id and c.state = 'waiting'`,
};

/** Writes what became of each. */
export async function settleCalls(database: Database, bucket: number, given: SettledCall[]): Promise<void[]> {
  const batch = given.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  await run(database.engine, SETTLE, [
    bucket,
    texts(batch.map(({ accountId }) => accountId)),
    texts(batch.map(({ webhookId }) => webhookId)),
    uuids(batch.map(({ lane }) => lane)),
    texts(batch.map(({ id }) => id)),
    texts(batch.map(({ what }) => (what === 'put_back' ? 'waiting' : what))),
    instants(batch.map(({ dueAt }) => dueAt)),
    instants(batch.map(untilOf)),
    instants(batch.map(({ at }) => at)),
    integers(batch.map(({ status }) => status)),
    texts(batch.map(({ error }) => error && storableText(error.slice(0, ERROR_LENGTH_MAX)))),
    batch.map(({ what }) => what !== 'put_back'),
  ]);
  return given.map(() => undefined);
}

/** Until when it is kept; null: the end of its waiting stays. */
function untilOf({ what, at }: SettledCall): number | null {
  if (what === 'delivered') return at + DELIVERED_KEPT_MS;
  return what === 'failed' ? at + FAILED_KEPT_MS : null;
}

/** One row for each webhook; written at most once a minute. */
const NOTE_DELIVERED = {
  name: 'note_delivered',
  text: `insert into webhook_health as known (bucket, account_id, webhook_id, delivered_at) values ($1, $2, $3, $4)
         on conflict (bucket, account_id, webhook_id) do update set delivered_at = excluded.delivered_at
           where known.delivered_at < excluded.delivered_at - interval '1 minute'`,
};

/** Remembers that something was delivered. */
export async function noteDelivered(
  database: Database,
  bucket: number,
  accountId: string,
  webhookId: string,
  at: number,
): Promise<void> {
  await run(database.engine, NOTE_DELIVERED, [bucket, accountId, webhookId, isoTime(at)]);
}

const LAST_DELIVERED = {
  name: 'last_delivered',
  text: 'select delivered_at from webhook_health where bucket = $1 and account_id = $2 and webhook_id = $3',
};

/** When that was; null: never. */
export async function lastDelivered(
  database: Database,
  bucket: number,
  accountId: string,
  webhookId: string,
): Promise<number | null> {
  const values = [bucket, accountId, webhookId];
  const [row] = await run<{ delivered_at: Date }>(database.engine, LAST_DELIVERED, values);
  return row ? row.delivered_at.getTime() : null;
}
