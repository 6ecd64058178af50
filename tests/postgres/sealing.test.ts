/** Which key seals a database's credentials, when several nodes and keys meet. */
import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';
import type { ConfigStore } from '#ports/config-store.ts';
import { SealError } from '#ports/sealer.ts';
import type { Vault } from '#ports/sealer.ts';
import { configStore } from '#postgres/config-store.ts';
import { readSealingKey, sealWith } from '#postgres/sealing.ts';
import { aesSealer } from '#secrets/aes-sealer.ts';
import { testDatabase } from '../support/database.ts';
import type { OpenStores, TestDatabase } from '../support/database.ts';
import { providerConfig } from '../support/provider-tools.ts';
import { TEST_VAULT } from '../support/vault.ts';

const [OLD, NEW] = ['the old key of the shop', 'the new key of the shop'];

describe('the key of a database', () => {
  let database: TestDatabase;
  let node: OpenStores;
  let vault: (...keys: string[]) => Promise<Vault>;
  before(async () => {
    database = await testDatabase();
    node = await database.open();
    const { salt } = await readSealingKey(node.database);
    vault = async (...keys) => ({ ...TEST_VAULT, sealer: keys.length > 0 ? await aesSealer(keys, salt) : null });
  });
  beforeEach(async () => {
    await database.clear();
    await database.query('update carom set secret_key = null');
  });

  async function put(store: ConfigStore, id: string): Promise<void> {
    const { revision } = await store.since(0);
    const provider = { ...providerConfig('http', { token: `hush-${id}` }), id };
    assert.notEqual(await store.write({ providers: [provider] }, revision), null);
  }
  const tokens = async (store: ConfigStore) =>
    (await store.since(0)).providers.map(({ settings }) => settings['token'] as string).toSorted();
  const bodies = async () =>
    (await database.query<{ body: { sealed?: string } }>('select body from providers order by id')).map(
      ({ body }) => body,
    );

  test('is changed once, by whoever knows which one it was', async () => {
    const [old, fresh] = [await vault(OLD), await vault(NEW, OLD)];
    const store = configStore(node.database, await vault());
    for (const id of ['a', 'b']) await put(store, id);
    assert.deepEqual(
      await Promise.all([sealWith(node.database, old, null), sealWith(node.database, old, null)]).then(sorted),
      [2, null],
    );
    assert.equal((await readSealingKey(node.database)).keyId, old.sealer!.keyId);
    assert.equal(await sealWith(node.database, old, old.sealer!.keyId), 0);
    assert.equal(await sealWith(node.database, fresh, old.sealer!.keyId), 2);
    assert.equal(await sealWith(node.database, old, old.sealer!.keyId), null);
    assert.deepEqual(await tokens(configStore(node.database, await vault(NEW))), ['hush-a', 'hush-b']);
    assert.equal(JSON.stringify(await bodies()).includes('hush'), false);
  });

  test('is that of every writer, also of one whose first key is another', async () => {
    await sealWith(node.database, await vault(NEW, OLD), null);
    const late = configStore(node.database, await vault(OLD, NEW));
    await put(late, 'a');
    assert.deepEqual(await tokens(configStore(node.database, await vault(NEW))), ['hush-a']);
  });

  test('is needed to write: nothing is stored that others could not read, or all could', async () => {
    await sealWith(node.database, await vault(NEW), null);
    for (const keys of [[], [OLD]])
      await assert.rejects(put(configStore(node.database, await vault(...keys)), 'a'), SealError);
    assert.deepEqual(await bodies(), []);
  });

  test('stays when something cannot be opened, and so does everything', async () => {
    const old = await vault(OLD);
    await sealWith(node.database, old, null);
    const store = configStore(node.database, old);
    for (const id of ['a', 'b']) await put(store, id);
    await database.query(`update providers set body = body || '{"sealed": "v1.00000000.AAAA"}' where id = 'b'`);
    const before = await bodies();
    await assert.rejects(
      sealWith(node.database, await vault(NEW, OLD), old.sealer!.keyId),
      /the provider "b" of the account "demo"/,
    );
    assert.deepEqual(await bodies(), before);
    assert.equal((await readSealingKey(node.database)).keyId, old.sealer!.keyId);
  });
});

function sorted(counts: (number | null)[]): (number | null)[] {
  return counts.toSorted((a, b) => (b ?? -1) - (a ?? -1));
}
