/** The stores of `src/postgres` keep the promises of their ports, with one bucket and with several. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { testDatabase } from '../support/database.ts';
import type { OpenStores, TestDatabase } from '../support/database.ts';
import { describeAnswerStore } from '../conformance/answer-store.ts';
import { describeBatchStore } from '../conformance/batch-store.ts';
import { describeCircuitStore } from '../conformance/circuit-store.ts';
import { describeConfigStore } from '../conformance/config-store.ts';
import { describeEventStore } from '../conformance/event-store.ts';
import { describeFileStore } from '../conformance/file-store.ts';
import { describeNodeStore } from '../conformance/node-store.ts';
import { describeProfileStore } from '../conformance/profile-store.ts';
import { describeReceiptStore } from '../conformance/receipt-store.ts';
import { describeSendoutStore } from '../conformance/sendout-store.ts';
import { describeStatsStore } from '../conformance/stats-store.ts';
import { describeSuppressionStore } from '../conformance/suppression-store.ts';
import { describeTokenStore } from '../conformance/token-store.ts';
import { describeTrackingStore } from '../conformance/tracking-store.ts';
import { describeTransactionStore } from '../conformance/transaction-store.ts';
import { describeUploadStore } from '../conformance/upload-store.ts';
import { describeWebhookStore } from '../conformance/webhook-store.ts';

for (const buckets of [1, 8]) {
  describe(`PostgreSQL with ${buckets} ${buckets === 1 ? 'bucket' : 'buckets'}`, () => {
    let database: TestDatabase;
    let nodes: [OpenStores, OpenStores];
    before(async () => {
      database = await testDatabase({ buckets });
      nodes = [await database.open(), await database.open()];
    });
    after(async () => {
      for (const node of nodes) await node.close();
    });

    const make =
      <Name extends keyof OpenStores>(name: Name) =>
      async (): Promise<[OpenStores[Name], OpenStores[Name]]> => {
        await database.clear();
        return [nodes[0][name], nodes[1][name]];
      };
    const silence = async (node: number, silentMs: number) => {
      const text = `update nodes set beat_at = now() - $2 * interval '1 millisecond' where id = $1`;
      await database.query(text, [node, silentMs]);
    };
    // Leases are kept as instants in ms, in the state.
    const age = async (bucket: string, ageMs: number) => {
      const text = `update token_buckets set asked_at = asked_at - $2 * interval '1 millisecond', state = jsonb_set(state::jsonb, '{leases}',
        coalesce((select jsonb_agg(jsonb_set(lease, '{until}', to_jsonb((lease ->> 'until')::float8 - $2)))
          from jsonb_array_elements(state::jsonb -> 'leases') lease), '[]'))::json where name = $1`;
      await database.query(text, [bucket, ageMs]);
    };
    describeTransactionStore('it', make('transactions'));
    describeProfileStore('it', make('profiles'));
    describeBatchStore('it', make('batches'), () => nodes[0].transactions);
    describeSendoutStore('it', make('sendouts'), make('batches'));
    describeAnswerStore('it', make('answers'), () => nodes[0].batches);
    const pagesLeft = async () => {
      const [row] = await database.query<{ count: number }>('select count(*)::int as count from batch_pages');
      return row!.count;
    };
    describeUploadStore('it', make('uploads'), () => nodes[0].batches, pagesLeft);
    describeEventStore('it', make('events'));
    describeFileStore('it', make('files'), () => nodes[0]);
    describeReceiptStore('it', make('receipts'));
    describeConfigStore('it', make('config'));
    describeCircuitStore('it', make('circuits'));
    describeNodeStore('it', make('nodes'), silence);
    describeStatsStore('it', make('stats'));
    describeSuppressionStore('it', make('suppressions'));
    describeTokenStore('it', make('tokens'), age);
    describeWebhookStore('it', make('webhooks'), make('transactions'));
    describeTrackingStore('it', make('tracked'));

    test('in all of that, no two nodes waited for each other in a circle', async () => {
      const deadlocks = 'select deadlocks::int from pg_stat_database where datname = current_database()';
      assert.deepEqual(await database.query(deadlocks), [{ deadlocks: 0 }]);
    });
  });
}
