/** A file is stored once for all that name it, before they are, and stays as long as one of them is there. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import test, { after, before } from 'node:test';
import pg from 'pg';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

let postgres: PostgresServer;
let carom: Carom;
let pool: pg.Pool;

const CONTENT = randomBytes(1_500_000);
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const FILE = { name: 'a.pdf', data: CONTENT.toString('base64') };

before(async () => {
  postgres = await startPostgres();
  carom = await startCarom({ databaseUrl: postgres.url, env: { CAROM_ADMIN_KEY: 'operator' } });
  pool = new pg.Pool({ connectionString: postgres.url, max: 1 });
  const mail = { state: 'running', channel: 'email', provider: 'mail', body: 'Hi' };
  await carom.apply({
    account: 'shop',
    keys: [{ id: 'main', key: 'shop-key', scopes: ['trigger', 'read'] }],
    providers: [{ id: 'mail', channel: 'email', type: 'sandbox' }],
    campaigns: [
      { id: '8', ...mail },
      { id: '~own', ...mail, attachments: [FILE] },
    ],
  });
});
after(async () => {
  await pool?.end();
  await carom?.stop();
  await postgres?.close();
});

test('a transaction, a batch and a campaign refer to the content that they share', async () => {
  const body = { campaignIds: ['8'], mode: 'all', userId: 'ana', email: 'ana@example.com', attachments: [FILE] };
  const one = await carom.call('POST', '/v1/transactions', { key: 'shop-key', body });
  assert.equal(one.status, 202);
  await carom.call('PUT', '/v1/profiles/ana', { key: 'shop-key', body: { email: 'ana@example.com' } });
  const call = { token: 'shop-key', trigger_id: 8, data: [{ email: 'ana@example.com' }], attach: [FILE] };
  const many = await carom.call('POST', '/api/v1.1/campaigns/triggers/start_batch', { key: null, body: call });
  assert.equal(many.status, 200, JSON.stringify(many.body));
  const { body: batches } = await carom.call('GET', '/v1/batches', { key: 'shop-key' });

  const files = await pool.query('select sha256, size_bytes, is_whole from files');
  assert.deepEqual(files.rows, [{ sha256: SHA256, size_bytes: CONTENT.length, is_whole: true }]);
  const refs = await pool.query<{ owner: string }>('select owner from file_refs order by owner');
  assert.deepEqual(
    refs.rows.map(({ owner }) => owner),
    [`batch:${batches.data[0].id}`, 'campaign:~own', `transaction:${one.body.id}`],
  );
});

test('a call that is refused leaves no reference', async () => {
  const before = await pool.query('select 1 from file_refs');
  const body = { campaignIds: ['~none'], mode: 'all', userId: 'ana', attachments: [FILE] };
  const { status } = await carom.call('POST', '/v1/transactions', { key: 'shop-key', body });
  assert.equal(status, 404);
  assert.equal((await pool.query('select 1 from file_refs')).rowCount, before.rowCount);
});
