/** Making and removing keys. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import test from 'node:test';
import { configured } from '../../tests/support/manifests.ts';
import { createKey, removeKey } from './key-admin.ts';

test('a key is told once and kept as its hash', async () => {
  const { config } = await configured();
  const made = await createKey(config, 'shop', { scopes: ['read', 'trigger'], name: 'Backend' });
  assert.ok(made.kind === 'created');
  assert.match(made.key, /^ck_[0-9A-Za-z]{32}$/);
  const { key, stored } = made;
  assert.deepEqual(stored, {
    id: 'Backend',
    accountId: 'shop',
    sha256: hash('sha256', key),
    hint: `${key.slice(0, 7)}…`,
    scopes: ['trigger', 'read'],
  });
  assert.deepEqual(config.keyByHash(hash('sha256', key)), stored);
});

test('keys without a name differ', async () => {
  const { config } = await configured();
  for (let made = 0; made < 20; made++)
    assert.equal((await createKey(config, 'shop', { scopes: ['read'] })).kind, 'created');
  assert.equal(config.keys('shop').length, 21);
});

test('a name is there once', async () => {
  const { config } = await configured();
  const again = await createKey(config, 'shop', { scopes: ['read'], name: 'main' });
  assert.ok(again.kind === 'conflict' && again.message.includes('"main"'));
});

test('faults are told', async () => {
  const { config } = await configured();
  for (const [body, place] of [
    [null, ''],
    [{}, 'scopes'],
    [{ scopes: ['all'] }, 'scopes.0'],
    [{ scopes: ['read'], nam: 'x' }, 'nam'],
    [{ scopes: ['read'], name: '' }, 'name'],
    [{ scopes: ['read'], name: 'a\0' }, 'name'],
  ] as const) {
    const outcome = await createKey(config, 'shop', body);
    assert.ok(outcome.kind === 'refused');
    assert.deepEqual(
      outcome.faults.map(({ path }) => path.join('.')),
      [place],
    );
  }
});

test('a key is removed once, also the last one', async () => {
  const { config } = await configured();
  assert.equal(await removeKey(config, 'shop', 'main'), true);
  assert.equal(await removeKey(config, 'shop', 'main'), false);
  assert.equal(config.keyByHash(hash('sha256', 'shop-key')), null);
});
