/**
 * The hot statements reach their rows through indexes, whatever PostgreSQL knows about the tables: on empty tables, on
 * tables that have grown since the plan was made, on grown ones that were never analysed, and on analysed ones.
 * PostgreSQL's auto_explain tells what was really run.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { randomUUID } from 'node:crypto';
import { memberTxnId } from '#domain/batch.ts';
import { messageId } from '#domain/ids.ts';
import { attributeKey } from '#domain/profile.ts';
import { emailKey } from '#domain/subscription.ts';
import { UNREFERRED_KEPT_MS } from '#ports/file-store.ts';
import type { FileOwner } from '#ports/file-store.ts';
import type { Acceptance } from '#ports/transaction-store.ts';
import type { WebhookCall } from '#ports/webhook-store.ts';
import { answered } from '../conformance/answer-store.ts';
import { batchOf } from '../conformance/batch-store.ts';
import { sendoutCall, sendoutPart } from '../conformance/sendout-store.ts';
import { suppression } from '../conformance/suppression-store.ts';
import { acceptance, NOW, times, transition } from '../support/acceptance.ts';
import { testDatabase } from '../support/database.ts';
import type { OpenStores, TestDatabase } from '../support/database.ts';

const ROWS = 10_000;
/** Items of one call of each store, which it makes one batch of a bucket. */
const BATCH = 10;
/** Rows that a statement may look at for a batch: several for each item, never a share of the table. */
const VISITED_MAX = 10 * BATCH;

/** A node of a plan, as far as it is looked at here. */
interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: PlanNode[];
}

/** What a statement did. */
interface Explained {
  text: string;
  plan: PlanNode;
}

for (const buckets of [1, 8]) {
  describe(`with ${buckets} ${buckets === 1 ? 'bucket' : 'buckets'}, index access only`, () => {
    let database: TestDatabase;
    /** Has planned everything on empty tables. */
    let early: Watched;
    before(async () => {
      database = await testDatabase({ buckets });
      await explainEverything(database);
      early = await watch(database);
    });
    after(() => early.stores.close());

    test('on empty tables', async () => {
      assertIndexed(await early.explain(() => workOf(early.stores)));
    });

    test('on tables that have grown since the plans were made, after as many uses again', async () => {
      await fill(database, buckets);
      for (let uses = 0; uses < 2; uses++) await workOf(early.stores);
      assertIndexed(await early.explain(() => workOf(early.stores)));
    });

    test('on grown tables that were never analysed', async () => {
      const fresh = await watch(database);
      assertIndexed(await fresh.explain(() => workOf(fresh.stores)));
      await fresh.stores.close();
    });

    test('on analysed tables', async () => {
      await database.query('analyze');
      const fresh = await watch(database);
      assertIndexed(await fresh.explain(() => workOf(fresh.stores)));
      await fresh.stores.close();
    });
  });
}

/** From now on every new connection is told the plans of what it runs; and no autovacuum analyses behind our back. */
async function explainEverything({ query }: TestDatabase): Promise<void> {
  const settings = {
    session_preload_libraries: 'auto_explain',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_analyze': 'on',
    'auto_explain.log_timing': 'off',
    'auto_explain.log_format': 'json',
    'auto_explain.log_level': 'notice',
  };
  const [{ name } = { name: '' }] = await query<{ name: string }>('select current_database() as name');
  for (const [setting, value] of Object.entries(settings)) {
    await query(`alter database ${name} set ${setting} = '${value}'`);
  }
  const tables = await query<{ name: string }>(`select tablename as name from pg_tables where schemaname = 'public'`);
  await query(tables.map(({ name }) => `alter table ${name} set (autovacuum_enabled = off)`).join(';'));
}

/** A node, and what its engine's statements did. */
interface Watched {
  stores: OpenStores;
  explain(work: () => Promise<void>): Promise<Explained[]>;
}

async function watch(database: TestDatabase): Promise<Watched> {
  const stores = await database.open();
  let explained: Explained[] = [];
  stores.database.engine.on('connect', (client) => {
    client.on('notice', ({ message = '' }) => {
      if (!message.includes('"Plan"')) return;
      const { 'Query Text': text, Plan: plan } = JSON.parse(message.slice(message.indexOf('{')));
      explained.push({ text, plan });
    });
  });
  return {
    stores,
    explain: async (work) => {
      explained = [];
      await work();
      return explained;
    },
  };
}

function assertIndexed(explained: Explained[]): void {
  const wrong = explained.flatMap(({ text, plan }) => {
    const nodes = flat(plan).filter((node) => node['Node Type'] !== 'ModifyTable');
    const seen = nodes.filter((node) => node['Relation Name'] ?? node['Index Name']);
    const visited = seen.map(rowsVisited).reduce((sum, rows) => sum + rows, 0);
    const isScan = seen.some((node) => node['Node Type'] === 'Seq Scan');
    return isScan || visited > VISITED_MAX
      ? [`looks at ${visited} rows:\n${text}\n${JSON.stringify(plan, null, 2)}`]
      : [];
  });
  assert.deepEqual(wrong, []);
}

function flat(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flat)];
}

function rowsVisited(node: PlanNode): number {
  const { 'Rows Removed by Filter': filtered = 0, 'Rows Removed by Index Recheck': rechecked = 0 } = node;
  return (node['Actual Rows'] + filtered + rechecked) * node['Actual Loops'];
}

/** Rows of which few are old, due or leased to a dead node: what the statements must find without looking at the rest. */
async function fill({ query }: TestDatabase, buckets: number): Promise<void> {
  const each = `from generate_series(1, ${ROWS}) as i, lateral (select i % ${buckets} as bucket, gen_random_uuid() as id) row`;
  const later = `timestamptz '2040-01-01' + i * interval '1 second'`;
  await query(`
    insert into transactions
      select bucket, 'demo', id, 'txn-' || i, 'user-' || i, 'all', 'running', 1, 10 + i % 5, ${later}, ${later},
        case when i % 2 = 0 then ${later} end, '{}', '{}', '[]' ${each};
    insert into dedupe_windows select bucket, 'demo', 'key-' || i, ${later}, id ${each};
    insert into profiles select bucket, 'demo', 'other-' || i, '{}', '{}', '{}', ${later} ${each};
    insert into profile_writes select bucket, 'demo', id, ${later} ${each};
    insert into events select bucket, 'demo', 'user-' || i, id, 'ordered', ${later}, '{}' ${each};
    insert into event_starts select bucket, 'demo', 'user-' || i, id, 'ordered', ${later}, '{}', '["~a"]', ${later} ${each};
    insert into message_refs select bucket, 'demo', 'sms', 'ref-' || i, id, ${later} ${each};
    insert into promised_receipts select bucket, id, 'delivered', 'demo', 'sms', ${later} ${each};
    insert into tracked_messages select bucket, -i, 'demo', id, 'user-' || i, 'sms', '{}', ${later} ${each};
    insert into batches select bucket, 'demo', id, 'key-' || i, '', 'running', ${later}, ${later}, null, ${later}, ${later}, 1, '{}', '{1}'
      ${each};
    insert into files select bucket, 'demo', 'of ' || id, 1, true, ${later}, ${later} ${each};
    insert into file_pieces select bucket, 'demo', 'of ' || id, 0, 'a' ${each};
    insert into file_refs select bucket, 'demo', 'of ' || id, 'batch:' || id, ${later} ${each};
    insert into kept_answers select bucket, 'demo', 'key-' || i, ${later}, '' ${each};
    insert into sendouts select bucket, 'demo', '~' || i, 1, id, ${later} ${each};
    insert into batch_uploads select bucket, id, ${later} ${each};
    insert into batch_pages select bucket, id, 0, 1, ${later}, '[{"target": "nobody"}]' ${each};
    update transactions set batch_id = gen_random_uuid(), batch_index = 1, lane = 'line ' || abs(hashtext(txn_id)) % 3, lane_at = due_at;
    insert into token_buckets select bucket, 'other-' || i, 1, '{}', ${later} ${each};
    update profiles set fields = jsonb_build_object('email', user_id || '@x.org', 'phone', user_id, 'internalId', user_id),
      attributes = jsonb_build_object('id', user_id, 'plan', 'gold'), subscription_keys = array['email ' || user_id];
    insert into webhook_calls select bucket, 'demo', 'crm', id, id || '_ended', 'transaction.ended', 0, 'delivered', 1, ${later}, null, null,
      ${later}, ${later}, 200, null, 'cloudevents', '{}' ${each};
    insert into webhook_calls select bucket, 'demo', 'hook-' || i % 5, id, id || '_ended', 'transaction.ended', 0, 'waiting', 1, ${later},
      ${later}, null, null, ${later}, null, null, 'cloudevents', '{}' ${each};
    insert into suppressions select bucket, 'demo', 'email', i || '@x.example', 'complaint', ${later}, 'mail', null ${each};
    insert into stats select bucket, 'demo', ${later}, '~' || i, 'sms', 'sent', 1 ${each}`);
}

function eventOf(id: string, index: number) {
  return { id, accountId: 'demo', userId: `user-${index}`, eventName: 'ordered', eventTime: NOW, eventData: {} };
}

function promiseOf(id: string, dueAt: number) {
  return { accountId: 'demo', providerId: 'sms', messageId: messageId(id, 1), status: 'delivered' as const, dueAt };
}

/** One batch of everything. */
async function workOf(stores: OpenStores): Promise<void> {
  const given = times(BATCH, () => acceptance({ dueAt: NOW, node: 1 }));
  await workOfTransactions(stores, given);
  const ids = given.map(({ stored }) => stored.transaction.id);
  await workOfUsers(stores, ids);
  await workOfReceipts(stores, ids);
  await workOfSuppressions(stores);
  await workOfWebhooks(stores);
  await workOfBatches(stores);
  await workOfUploads(stores);
  await workOfSendouts(stores);
  await workOfTracking(stores, ids);
  await workOfFiles(stores, ids);
}

async function workOfTransactions({ transactions }: OpenStores, given: Acceptance[]): Promise<void> {
  const window = { key: '~first ana', until: NOW + 1 };
  await Promise.all(given.map((each) => transactions.accept(each)));
  await Promise.all(given.map((each) => transactions.accept(each)));
  for (const each of [acceptance({ window }), acceptance({ window })]) await transactions.accept(each);
  const ids = given.map(({ stored }) => stored.transaction.id);
  await Promise.all(ids.map((id) => transactions.load('demo', id)));
  await transactions.history('demo', ids[0]!);
  await transactions.leasedTo(1, BATCH);
  const taken = await transactions.takeOver(1, 2, BATCH);
  assert.equal((await transactions.claimDue(NOW, 2, BATCH, 1_000)).length, BATCH);
  const over = { name: 'failed', endedAt: NOW } as const;
  await Promise.all(taken.map((stored) => transactions.save(transition({ ...stored, node: null }, 'over', over))));
  assert.equal(await transactions.prune(NOW + 1, BATCH), BATCH);
  await transactions.prune(NOW + 2, BATCH);
}

async function workOfUsers({ profiles, events, stats }: OpenStores, ids: string[]): Promise<void> {
  const fields = { attributes: { plan: 'gold' } };
  await Promise.all(ids.map((id, index) => profiles.mergeOnce('demo', `user-${index}`, fields, id)));
  await Promise.all(ids.map((_, index) => profiles.merge('demo', `user-${index}`, fields)));
  await Promise.all(ids.map((_, index) => profiles.load('demo', `user-${index}`)));
  await profiles.put('demo', 'user-0', fields);
  await profiles.remove('demo', 'user-0');
  await Promise.all(ids.map((id, index) => events.track(eventOf(id, index))));
  const starting = ids.map((_, index) => eventOf(randomUUID(), index));
  const request = { id: randomUUID(), windowMs: 1 };
  await Promise.all(starting.map((event, index) => events.track(event, index % 2 ? request : null, ['~a'])));
  const starts = await events.claimStarts(NOW, 2 * BATCH, 1_000);
  assert.equal(starts.length, BATCH);
  await Promise.all(starts.map((start) => events.finishStart(start)));
  const count = { accountId: 'demo', hour: NOW, campaignId: '', channel: '', count: 1 };
  await stats.add(times(BATCH, (index) => ({ ...count, what: `kind.${index}` })));
}

async function workOfBatches({ batches, answers, profiles, transactions }: OpenStores): Promise<void> {
  const given = batchOf(BATCH * 10, { key: randomUUID() });
  const { batch } = given;
  const later = NOW + 500;
  for (const each of [given, given]) await batches.accept(each);
  const members = times(BATCH, (index) =>
    acceptance({ txnId: memberTxnId(batch.id, index), request: { batch: { id: batch.id, index } } }),
  );
  await Promise.all(members.map((each) => transactions.accept(each)));
  for (const verb of ['pause', 'resume'] as const) await batches.turn('demo', batch.id, verb, NOW);
  for (;;) {
    const [page] = await batches.claimPages(NOW, NOW + 1_000, 1);
    if (!page) break;
    await batches.renewPage(page, NOW + 1_000);
    await batches.settlePage(page, { refused: [{ index: page.first, reason: 'unknown_user' }] });
  }
  assert.deepEqual(await batches.claimPages(later, later, 1), []);
  for (const result of [null, 'refused', 'waiting', 'running']) await batches.results(batch, result, BATCH, null);
  assert.equal((await batches.openMembers('demo', batch.id, 2 * BATCH)).length, BATCH);
  assert.equal((await batches.claimEnding(later, BATCH)).length, 1);
  assert.equal(await batches.end('demo', batch.id, NOW), true);
  assert.equal(await batches.prune(NOW + 1, BATCH), 1);
  const call = answered(randomUUID(), BATCH * 10);
  for (const each of [call, call]) await answers.accept(each.answer, each.made, NOW);
  await batches.turn('demo', call.made!.batch.id, 'cancel', NOW);
  await batches.end('demo', call.made!.batch.id, NOW);
  assert.equal(await batches.prune(NOW + 1, BATCH), 1);
  await answers.prune(NOW, BATCH);
  assert.equal(await answers.prune(call.answer.until, BATCH), 1);
  const wanted = times(BATCH, (index) => `other-${index}`);
  for (const key of ['user_id', 'email', 'phone', 'internal_id'] as const)
    await profiles.findUsers('demo', key, wanted);
  await profiles.findUsers('demo', 'subscription', wanted.map(emailKey));
  const byAttribute = wanted.map((value) => attributeKey('id', value));
  await profiles.findUsers('demo', 'attribute', byAttribute);
}

/** One that is complete, one whose key is taken, and one that is swept. */
async function workOfUploads({ uploads, batches }: OpenStores): Promise<void> {
  const key = randomUUID();
  const given = times(3, () => batchOf(BATCH * 10, { key }));
  for (const { batch, pages } of given) {
    await uploads.begin(batch.id, NOW);
    await Promise.all(pages.map((page) => uploads.append(batch.id, { ...page, badRows: [page.first] }, NOW)));
  }
  const [{ batch }, second] = given as [(typeof given)[0], (typeof given)[0], (typeof given)[0]];
  for (const each of given.slice(0, 2)) await uploads.complete(each);
  await uploads.named('demo', key);
  await uploads.discard(second.batch.id);
  assert.equal(await uploads.sweep(NOW + 1, BATCH), 1);
  await batches.turn('demo', batch.id, 'cancel', NOW);
  assert.equal(await batches.end('demo', batch.id, NOW), true);
  assert.equal(await batches.prune(NOW + 1, BATCH), 1);
}

/** Sendouts that are new, that are there, and that stay unmade. The batches end, so that no other work finds them. */
async function workOfSendouts({ sendouts, batches }: OpenStores): Promise<void> {
  const campaignIds = times(BATCH, () => `~${randomUUID()}`);
  for (const total of [0, 1, 1, 0]) {
    const parts = campaignIds.map((campaignId) => sendoutPart(1, { campaignId, total }));
    await Promise.all(parts.map((part) => sendouts.accept(sendoutCall([part]))));
    for (const { batch } of parts) {
      if (!batch) continue;
      await batches.turn('demo', batch.batch.id, 'cancel', NOW);
      assert.equal(await batches.end('demo', batch.batch.id, NOW), true);
    }
  }
  assert.equal(await batches.prune(NOW + 1, 3 * BATCH), 2 * BATCH);
}

/** Small and large files that somebody needs, or nobody any more. */
async function workOfFiles({ files }: OpenStores, ids: string[]): Promise<void> {
  const owners = ids.flatMap((id) => [{ kind: 'transaction', id } as const, { kind: 'batch', id } as const]);
  const contents = times(BATCH, (n) => {
    const bytes = Buffer.alloc(n === 0 ? 1_048_577 : 1);
    return { accountId: 'demo', sha256: randomUUID(), sizeBytes: bytes.length, pieces: [bytes] };
  });
  for (const at of [NOW, NOW]) await Promise.all(contents.map((content) => files.put(content, at)));
  const refer = (owner: FileOwner) => files.refer('demo', owner, contents.slice(0, 1), NOW);
  await Promise.all([...owners, { kind: 'campaign', id: '~a' } as const].map(refer));
  await files.known(
    'demo',
    contents.map(({ sha256 }) => sha256),
  );
  await files.read(contents[0]!);
  assert.equal(await files.sweep(NOW + 2 * UNREFERRED_KEPT_MS, 3 * BATCH + 1), 3 * BATCH + 1);
  assert.equal(await files.read(contents[0]!), null);
}

async function workOfReceipts({ receipts }: OpenStores, ids: string[]): Promise<void> {
  const refs = ids.map((id) => ({ id: messageId(id, 1), ref: `of ${id}` }));
  const receipt = { accountId: 'demo', providerId: 'sms', status: 'sent', reason: null, at: NOW } as const;
  await Promise.all(refs.map(({ ref }) => receipts.park({ ...receipt, ref })));
  await Promise.all(refs.map(({ ref, id }) => receipts.addRef('demo', 'sms', ref, id, NOW)));
  await Promise.all(refs.map(({ ref }) => receipts.findByRef('demo', 'sms', ref)));
  await Promise.all(refs.map(({ ref }) => receipts.park({ ...receipt, ref })));
  assert.equal((await receipts.takeMatched(NOW, BATCH)).length, BATCH);
  await receipts.park({ ...receipt, ref: 'nobody knows it' });
  await receipts.prune(NOW + 1);
  await Promise.all(ids.map((id) => receipts.promise(promiseOf(id, NOW))));
  const claimed = await receipts.claimPromised(NOW, BATCH, 1_000);
  assert.equal(claimed.length, BATCH);
  await Promise.all(claimed.map((each) => receipts.kept(each)));
}

async function workOfSuppressions({ suppressions }: OpenStores): Promise<void> {
  const entries = times(BATCH, () => suppression());
  for (const each of [entries, entries]) await Promise.all(each.map((entry) => suppressions.put(entry)));
  assert.ok((await Promise.all(entries.map((entry) => suppressions.has(entry)))).every(Boolean));
  await Promise.all(entries.map((entry) => suppressions.remove(entry)));
}

async function workOfTracking({ tracked }: OpenStores, ids: string[]): Promise<void> {
  const about = { accountId: 'demo', userId: 'ana', channel: 'sms', urls: ['https://a.example/'], at: NOW } as const;
  const keys = ids.map((_, index) => BigInt(index));
  await Promise.all(keys.map((key, index) => tracked.keep({ ...about, key, messageId: messageId(ids[index]!, 1) })));
  await Promise.all(keys.map((key, index) => tracked.keep({ ...about, key, messageId: messageId(ids[index]!, 1) })));
  assert.equal((await Promise.all(keys.map((key) => tracked.find(key, 0)))).filter(Boolean).length, BATCH);
  await tracked.prune(NOW + 1);
}

function callOf(lane: string, position: number): WebhookCall {
  const name = { accountId: 'demo', webhookId: 'crm', id: `${lane}_${position}` };
  const told = { type: 'transaction.ended', at: NOW, format: 'cloudevents', body: '{}', giveUpAt: NOW + 1 } as const;
  return { ...name, lane, position, ...told };
}

async function workOfWebhooks({ transactions, webhooks }: OpenStores): Promise<void> {
  const given = times(BATCH, () => acceptance());
  await Promise.all(given.map((each) => transactions.accept(each)));
  const lanes = given.map(({ stored }) => stored.transaction.id);
  const transitions = given.map(({ stored }, n) => ({ ...transition(stored, 'told'), calls: [callOf(lanes[n]!, 0)] }));
  await Promise.all(transitions.map((each) => transactions.save(each)));
  await webhooks.add([callOf(lanes[0]!, 1)]);
  assert.ok((await webhooks.due(NOW, BATCH)).length > 0);
  const room = { accountId: 'demo', webhookId: 'crm', calls: 2 * BATCH };
  const claimed = await webhooks.claim([room], NOW, 1_000, null);
  assert.equal(claimed.length, BATCH + 1);
  const settled = { what: 'delivered', dueAt: null, status: 200, error: null, at: NOW - 100 * 86_400_000 } as const;
  const [first, second, ...rest] = claimed;
  await Promise.all(rest.map((call) => webhooks.settle({ ...call, ...settled })));
  await webhooks.find(first!);
  await webhooks.replay(first!, NOW, NOW + 1);
  await webhooks.replayRange({ accountId: 'demo', webhookId: 'crm', since: NOW, until: NOW + 1 }, NOW, NOW + 1, 1);
  await webhooks.noteDelivered(second!, NOW);
  await webhooks.lastDelivered(second!);
  await webhooks.giveUpAll({ accountId: 'demo', webhookId: 'crm' }, NOW, 'it is gone', 1);
  await webhooks.giveUpLate(NOW + 2, BATCH);
  await webhooks.prune(NOW + 2, 2 * BATCH);
}
