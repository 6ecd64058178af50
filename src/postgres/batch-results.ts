/** What became of each recipient: his entry in the batch's pages beside his transaction. These statements take no locks. */
import { memberTxnId } from '#domain/batch.ts';
import type { Batch, Recipient, RecipientResult } from '#domain/batch.ts';
import { bucketOf, hash16 } from '#domain/ids.ts';
import type { Page } from '#ports/transaction-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { pageOf } from './page.ts';

/** Pages read in one go; a page of an answer is rarely more. */
const PAGES_MAX = 2;

const WANTED = { all: 'true', refused: `refusals <> '[]'`, waiting: 'due_at is not null' };

/**
 * The pages of a batch that hold places from the given one on, in order; only those that can hold what is wanted. The page
 * of the place itself is looked up first, so that those before it are not walked through.
 */
const READ_PAGES = Object.fromEntries(
  Object.entries(WANTED).map(([kind, condition]) => [
    kind,
    {
      name: `read_batch_pages_${kind}`,
      text: `select first, size, due_at is null as settled, recipients, refusals from batch_pages
             where bucket = $1 and batch_id = $2 and first + size > $3 and ${condition} and first >= coalesce((
               select first from batch_pages where bucket = $1 and batch_id = $2 and first <= $3
               order by first desc limit 1), 0)
             order by first limit $4`,
    },
  ]),
);

interface PageRow {
  first: number;
  size: number;
  settled: boolean;
  recipients: Recipient[];
  refusals: [number, string][];
}

/** The transactions that these recipients have, each looked up alone, by its txnId. */
const MEMBERS = {
  name: 'read_batch_members',
  text: `select t.id, t.batch_index, t.user_id, t.state
         from unnest($3::text[]) as wanted (txn_id)
         cross join lateral (
           select * from transactions t
           where t.bucket = $1 and t.txn_id = wanted.txn_id and t.account_id is not distinct from $2 limit 1
         ) t`,
};

/** Those in one state, by their places; a bucket's first ones after the given place. */
const MEMBERS_IN_STATE = {
  name: 'read_batch_members_in_state',
  text: `select t.id, t.batch_index, t.user_id, t.state from transactions t
         where t.bucket = $1 and t.batch_id = $2 and t.state = $3 and t.batch_index > $4
         order by t.batch_index limit $5`,
};

interface MemberRow {
  id: string;
  batch_index: number;
  user_id: string;
  state: string;
}

/** One page of results, see {@link import('#ports/batch-store.ts').BatchStore.results}. */
export async function readResults(
  database: Database,
  batch: Batch,
  wanted: { bucket: number; result: string | null; limit: number; after: number },
): Promise<Page<RecipientResult>> {
  const { result } = wanted;
  const isOfPages =
    result === null ||
    result === 'refused' ||
    result === 'waiting' ||
    // Of a cancelled batch they need not have had a transaction.
    (result === 'cancelled' && batch.state === 'cancelled');
  const found = await (isOfPages ? fromPages : fromMembers)(database, batch, wanted);
  return pageOf(found, wanted.limit, ({ index }) => String(index));
}

type Wanted = Parameters<typeof readResults>[2];

/** Walks the pages until there is one result more than fits. */
async function fromPages(database: Database, batch: Batch, wanted: Wanted): Promise<RecipientResult[]> {
  const { bucket, result, limit } = wanted;
  const found: RecipientResult[] = [];
  for (let after = wanted.after; found.length <= limit;) {
    const values = [bucket, batch.id, after + 1, PAGES_MAX];
    const pages = await run<PageRow>(database.engine, READ_PAGES[result ?? 'all'] ?? READ_PAGES['all']!, values);
    if (pages.length === 0) break;
    const entries = pages.flatMap(entriesOf).filter(({ index }) => index > after);
    const looked = result === null ? entries.slice(0, limit + 1 - found.length) : entries;
    const rest = result === 'refused' ? looked.filter(({ reason }) => reason !== null) : looked;
    const members = await membersOf(
      database,
      batch,
      rest.filter(({ reason }) => reason === null),
    );
    const results = rest.map((entry) => resultOf(batch, entry, members.get(entry.index)));
    found.push(...results.filter((one) => result === null || one.result === result));
    after = looked.at(-1)?.index ?? pages.at(-1)!.first + pages.at(-1)!.size - 1;
  }
  return found.slice(0, limit + 1);
}

/** Asks for the transactions in the state, and then for their entries. */
async function fromMembers(database: Database, batch: Batch, wanted: Wanted): Promise<RecipientResult[]> {
  const { bucket, result, limit, after } = wanted;
  const perBucket = await Promise.all(
    Array.from({ length: database.buckets }, (_, each) =>
      run<MemberRow>(database.engine, MEMBERS_IN_STATE, [each, batch.id, result, after, limit + 1]),
    ),
  );
  const members = perBucket
    .flat()
    .toSorted((a, b) => a.batch_index - b.batch_index)
    .slice(0, limit + 1);
  const results: RecipientResult[] = [];
  let page: PageRow | undefined;
  for (const member of members) {
    const { batch_index: index } = member;
    if (!page || index >= page.first + page.size) {
      [page] = await run<PageRow>(database.engine, READ_PAGES['all']!, [bucket, batch.id, index, 1]);
    }
    const { target } = page!.recipients[index - page!.first]!;
    results.push({ index, target, ...ofMember(member) });
  }
  return results;
}

interface Entry {
  index: number;
  target: string;
  reason: string | null;
  /** What is wrong with his row of the file. */
  fault?: string;
  settled: boolean;
}

function entriesOf({ first, settled, recipients, refusals }: PageRow): Entry[] {
  const reasons = new Map(refusals);
  return recipients.map(({ target, fault }, place) => {
    const index = first + place;
    return { index, target, reason: reasons.get(index) ?? null, ...(fault !== undefined && { fault }), settled };
  });
}

async function membersOf(database: Database, batch: Batch, entries: Entry[]): Promise<Map<number, MemberRow>> {
  const byBucket = Map.groupBy(
    entries.map(({ index }) => memberTxnId(batch.id, index)),
    (txnId) => bucketOf(hash16(batch.accountId, txnId), database.buckets),
  );
  const asked = [...byBucket].map(([bucket, txnIds]) =>
    run<MemberRow>(database.engine, MEMBERS, [bucket, batch.accountId, txnIds]),
  );
  return new Map((await Promise.all(asked)).flat().map((row) => [row.batch_index, row]));
}

function resultOf({ state }: Batch, entry: Entry, member: MemberRow | undefined): RecipientResult {
  const { index, target, reason, fault, settled } = entry;
  if (member) return { index, target, ...ofMember(member) };
  const nothing = { index, target, userId: null, transactionId: null };
  if (reason !== null) return { ...nothing, result: 'refused', reason, ...(fault !== undefined && { detail: fault }) };
  if (settled) return { ...nothing, result: 'forgotten', reason: null };
  return { ...nothing, result: state === 'cancelled' ? 'cancelled' : 'waiting', reason: null };
}

function ofMember({ id, user_id: userId, state }: MemberRow) {
  return { userId, result: state, reason: null, transactionId: id };
}
