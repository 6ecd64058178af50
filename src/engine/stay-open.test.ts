import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { ProviderConfig } from '#domain/provider.ts';
import { stayingOpen } from './stay-open.ts';

function setUp() {
  const found: string[] = [];
  const failures: object[] = [];
  const node = { revision: 1, ids: ['bound'], fails: false };
  const configured = (id: string, type: string) => ({ accountId: 'shop', id, type }) as ProviderConfig;
  const config = {
    revision: () => node.revision,
    everyProvider: () => [configured('plain', 'http'), ...node.ids.map((id) => configured(id, 'smpp'))],
  };
  const look = stayingOpen(
    config,
    {
      find: (_account, id) => {
        if (node.fails) throw new Error('no such host');
        found.push(id);
        return null;
      },
    },
    ({ type }) => type === 'smpp',
    { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (fields) => failures.push(fields) },
  );
  return { node, found, failures, look };
}

describe('providers that stay open', () => {
  test('are opened at once, the others are not', () => {
    const { found, look } = setUp();
    look();
    assert.deepEqual(found, ['bound']);
  });

  test('are looked at again when the configuration changes, and only then', () => {
    const { node, found, look } = setUp();
    look();
    look();
    node.revision++;
    node.ids.push('new');
    look();
    assert.deepEqual(found, ['bound', 'bound', 'bound', 'new']);
  });

  test('are closed when they are gone', () => {
    const { node, found, look } = setUp();
    look();
    node.revision++;
    node.ids = [];
    look();
    assert.deepEqual(found, ['bound', 'bound']);
    node.revision++;
    look();
    assert.equal(found.length, 2);
  });

  test('one that cannot be opened is reported, and keeps nobody from the others', () => {
    const { node, failures, look } = setUp();
    node.fails = true;
    node.ids.push('second');
    look();
    assert.equal(failures.length, 2);
  });
});
