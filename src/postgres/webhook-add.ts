/** Calls as they are stored: beside a transition, or alone. */
import { isoTime } from '#domain/time.ts';
import type { WebhookCall } from '#ports/webhook-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { documentOf } from './document.ts';
import { jsons } from './parameters.ts';

/** What {@link callsDocument} writes, as a row of `json_to_recordset`. */
const CALL_COLUMNS =
  'account_id text, webhook_id text, lane uuid, id text, type text, position bigint, at timestamptz, until timestamptz, format text, body json';

/**
 * Inserts calls, due since their events happened, from documents that an earlier part of the statement has.
 * @param source a relation with the column `calls`: a document of {@link callsDocument}, or null.
 */
export function insertCalls(source: string): string {
  return `insert into webhook_calls (bucket, account_id, webhook_id, lane, id, type, position, state, attempts, at, due_at, until, format, body)
          select $1, call.account_id, call.webhook_id, call.lane, call.id, call.type, call.position, 'waiting', 0, call.at, call.at,
            call.until, call.format, call.body
          from ${source} cross join lateral json_to_recordset(${source}.calls) as call (${CALL_COLUMNS})
          where ${source}.calls is not null
          on conflict do nothing`;
}

/** Calls as one document: they travel with the row that they belong to, so that only a written row's calls are stored. */
export function callsDocument(calls: readonly WebhookCall[]): string {
  return `[${calls.map(callDocument).join(',')}]`;
}

/** The body is JSON already, and goes in as it is, unless it says what PostgreSQL cannot hold. */
function callDocument({
  accountId,
  webhookId,
  lane,
  id,
  type,
  position,
  at,
  giveUpAt,
  format,
  body,
}: WebhookCall): string {
  const head = {
    account_id: accountId,
    webhook_id: webhookId,
    lane,
    id,
    type,
    position,
    at: isoTime(at),
    until: isoTime(giveUpAt),
    format,
  };
  const isStorable = !body.includes('\\u0000') && !body.includes('\\ud');
  return `${documentOf(head).slice(0, -1)},"body":${isStorable ? body : documentOf(JSON.parse(body))}}`;
}

/** Inserts calls alone. A call that is there stays as it is: the same end of a batch may be told twice. */
const ADD = {
  name: 'add_webhook_calls',
  text: `with given as materialized (select calls from unnest($2::json[]) as given (calls))
         ${insertCalls('given')}`,
};

/** Stores calls of one bucket, sorted, so that two nodes that store the same ones wait for each other, never in a circle. */
export async function addCalls(database: Database, bucket: number, calls: WebhookCall[]): Promise<void> {
  const sorted = calls.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  await run(database.engine, ADD, [bucket, jsons(sorted.map((call) => callsDocument([call])))]);
}
