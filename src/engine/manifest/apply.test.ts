/** Applying manifests: all or nothing, twice changes nothing, and what is shown of it. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import test, { describe } from 'node:test';
import {
  changesOf,
  configured,
  configuredNode,
  exampleManifest,
  faultsOf,
  fieldsOf,
  httpProvider,
  manifest,
  messageIn,
  smsCampaign,
} from '../../../tests/support/manifests.ts';
import { manifestOf } from './of.ts';

describe('applying a manifest', () => {
  test('creates what is not there', async () => {
    const node = configuredNode();
    assert.deepEqual(changesOf(await node.apply(manifest({ name: 'Shop', limits: { transaction: '200/s' } }))), [
      'create account shop',
      'create key main',
      'create provider sms-a',
      'create provider sms-http',
      'create campaign ~sms',
    ]);
    assert.equal(node.store.writes(), 1);
    assert.deepEqual(node.config.account('shop'), {
      id: 'shop',
      name: 'Shop',
      defaultRegion: null,
      limits: { transaction: { count: 200, perMs: 1_000 } },
      receiptWindowMs: 72 * 3_600_000,
    });
    assert.equal(node.config.keyByHash(hash('sha256', 'shop-key'))?.id, 'main');
    assert.equal(node.config.campaign('shop', '~sms')?.version, 1);
    assert.match(node.config.provider('shop', 'sms-a')!.receiptSecret, /^[0-9a-f]{32}$/);
    assert.equal(node.config.provider('shop', 'sms-a')!.receipts, 'callback');
    assert.equal(node.config.provider('shop', 'sms-http')!.receipts, 'none');
  });

  test('twice changes nothing', async () => {
    const node = await configured();
    assert.deepEqual(await node.apply(manifest()), { kind: 'applied', changes: [] });
    assert.equal(node.store.writes(), 1);
  });

  test('of examples/demo.yaml works, and twice changes nothing', async () => {
    const node = configuredNode();
    assert.equal((await node.apply(exampleManifest('demo'))).kind, 'applied');
    assert.deepEqual(await node.apply(exampleManifest('demo')), { kind: 'applied', changes: [] });
    const states = Object.fromEntries(node.config.campaigns('demo').map(({ id, state }) => [id, state]));
    assert.equal(states['~abc123'], 'running');
    assert.equal(states['~xyz456'], 'running');
    assert.equal(node.config.keyByHash(hash('sha256', 'demo-key'))?.accountId, 'demo');
  });

  test('of examples/journeys.yaml works, and what is shown of it changes nothing', async () => {
    const node = configuredNode();
    assert.equal((await node.apply(exampleManifest('journeys'))).kind, 'applied');
    const shown = manifestOf(node.config, 'journeys', node.tools.providerTypes);
    assert.deepEqual(await node.apply(shown, { prune: true }), { kind: 'applied', changes: [] });
  });

  test('dry changes nothing, and says what it would', async () => {
    const node = configuredNode();
    const planned = await node.apply(manifest(), { dryRun: true });
    assert.equal(planned.kind, 'planned');
    assert.equal(node.store.writes(), 0);
    assert.deepEqual(changesOf(await node.apply(manifest())), changesOf(planned));
  });

  test('writes nothing when anything is wrong', async () => {
    const node = await configured();
    const outcome = await node.apply(manifest({ name: 'New', campaigns: [smsCampaign({ provider: 'none' })] }));
    assert.equal(outcome.kind, 'refused');
    assert.equal(node.config.account('shop')!.name, 'shop');
  });

  test('leaves alone what the manifest does not name', async () => {
    const node = await configured();
    await node.apply(manifest({ name: 'Shop', defaultRegion: 'IN', limits: { users: '5/s' } }));
    assert.deepEqual(await node.apply({ account: 'shop' }), { kind: 'applied', changes: [] });
    assert.deepEqual(fieldsOf(await node.apply({ account: 'shop', defaultRegion: null, limits: {} })), [
      { field: 'defaultRegion', from: 'IN', to: null },
      { field: 'limits.users', from: '5/s', to: null },
    ]);
  });

  test('takes numbers as ids', async () => {
    const node = configuredNode();
    const providers = [{ id: 9, channel: 'sms', type: 'sandbox' }];
    await node.apply({ account: 42, providers, campaigns: [smsCampaign({ id: 123, provider: 9 })] });
    assert.deepEqual(messageIn(node.config.campaign('42', '123')?.content).providers, ['9']);
  });
});

describe('pruning', () => {
  const less = { account: 'shop', keys: [], providers: [httpProvider()], campaigns: [] };

  test('removes what is not named', async () => {
    const node = await configured();
    assert.deepEqual(changesOf(await node.apply(less)), []);
    assert.deepEqual(changesOf(await node.apply(less, { prune: true, dryRun: true })), [
      'remove key main',
      'remove campaign ~sms',
      'remove provider sms-a',
    ]);
    assert.equal(node.config.campaigns('shop').length, 1);
    await node.apply(less, { prune: true });
    assert.equal(node.config.campaigns('shop').length, 0);
    assert.deepEqual(
      node.config.providers('shop').map(({ id }) => id),
      ['sms-http'],
    );
    assert.equal(node.config.keyByHash(hash('sha256', 'shop-key')), null);
  });

  test('keeps the keys where the manifest has none', async () => {
    const node = await configured();
    const { keys: _keys, ...rest } = manifest();
    assert.deepEqual(changesOf(await node.apply(rest, { prune: true })), []);
  });

  test('does not touch other accounts', async () => {
    const node = await configured();
    await node.apply(manifest({ account: 'other', keys: [] }));
    await node.apply({ account: 'other' }, { prune: true });
    assert.equal(node.config.campaigns('shop').length, 1);
    assert.equal(node.config.campaigns('other').length, 0);
  });

  test('refuses to take a provider away from a campaign that stays', async () => {
    const node = await configured();
    const outcome = await node.apply({ account: 'shop', campaigns: [smsCampaign()] }, { prune: true });
    assert.match(faultsOf(outcome).join(), /campaigns\.0\.provider: names the provider "sms-a", which does not exist/);
  });
});

describe('a campaign', () => {
  const withCampaign = (changes: object) => manifest({ campaigns: [smsCampaign(changes)] });

  test('gets a version with each change of its content', async () => {
    const node = await configured();
    const outcome = await node.apply(withCampaign({ body: 'Bye' }));
    assert.deepEqual(fieldsOf(outcome), [
      { field: 'body', from: 'Hi {{ first_name }}', to: 'Bye' },
      { field: 'version', from: 1, to: 2 },
    ]);
    assert.equal(messageIn(await node.store.version('shop', '~sms', 1)).body, 'Hi {{ first_name }}');
    assert.equal(messageIn(await node.store.version('shop', '~sms', 2)).body, 'Bye');
  });

  test('gets none for another name or state', async () => {
    const node = await configured();
    assert.deepEqual(fieldsOf(await node.apply(withCampaign({ name: 'hello', state: 'paused' }))), [
      { field: 'name', from: '~sms', to: 'hello' },
      { field: 'state', from: 'running', to: 'paused' },
    ]);
    assert.equal(node.config.campaign('shop', '~sms')?.version, 1);
  });

  test('is rewritten in place while it is a draft, also by what starts it', async () => {
    const node = configuredNode();
    await node.apply(withCampaign({ state: undefined }));
    assert.equal(node.config.campaign('shop', '~sms')?.state, 'draft');
    await node.apply(withCampaign({ state: 'draft', body: 'One' }));
    await node.apply(withCampaign({ state: 'running', body: 'Two' }));
    assert.equal(node.config.campaign('shop', '~sms')?.version, 1);
    assert.equal(messageIn(await node.store.version('shop', '~sms', 1)).body, 'Two');
  });

  test('stays in its state where the manifest says none', async () => {
    const node = await configured();
    assert.deepEqual(changesOf(await node.apply(withCampaign({ state: undefined }))), []);
  });

  test('counts on when it comes back', async () => {
    const node = await configured();
    await node.apply(withCampaign({ body: 'Two' }));
    await node.apply({ ...manifest(), campaigns: [] }, { prune: true });
    await node.apply(withCampaign({ body: 'Three' }));
    assert.equal(node.config.campaign('shop', '~sms')?.version, 3);
    await node.apply({ ...manifest(), campaigns: [] }, { prune: true });
    await node.apply(withCampaign({ state: 'draft', body: 'Four' }));
    await node.apply(withCampaign({ state: 'draft', body: 'Five' }));
    assert.equal(
      messageIn(await node.store.version('shop', '~sms', 3)).body,
      'Three',
      'a version that ran never changes',
    );
    assert.equal(messageIn(await node.store.version('shop', '~sms', 4)).body, 'Five');
  });

  test('follows its life cycle', async () => {
    const node = await configured();
    assert.deepEqual(faultsOf(await node.apply(withCampaign({ state: 'draft' }))), [
      'campaigns.0.state: is running and cannot become a draft; pause it instead, or leave the state out',
    ]);
    await node.apply(withCampaign({ state: 'ended' }));
    assert.match(
      faultsOf(await node.apply(withCampaign({}))).join(),
      /is ended and cannot become running; make a new campaign/,
    );
  });

  test('keeps its provider’s channel', async () => {
    const node = await configured();
    const outcome = await node.apply({
      account: 'shop',
      providers: [{ id: 'sms-a', channel: 'email', type: 'sandbox' }],
    });
    assert.deepEqual(faultsOf(outcome), ['providers.0.channel: must stay sms: the campaign "~sms" sends through it']);
  });

  test('is the same with its defaults written out', async () => {
    const node = await configured();
    assert.deepEqual(changesOf(await node.apply(withCampaign({ onUnknown: 'resend', name: '~sms' }))), []);
  });
});

describe('a key', () => {
  const withKeys = (...keys: object[]) => ({ account: 'shop', keys });

  test('is known by itself when it has no id', async () => {
    const node = configuredNode();
    await node.apply(withKeys({ key: 'secret-key', scopes: ['read'] }));
    const { id, hint } = node.config.keys('shop')[0]!;
    assert.match(id, /^key-[0-9a-f]{10}$/);
    assert.equal(hint, 'secr…');
    assert.deepEqual(fieldsOf(await node.apply(withKeys({ key: 'secret-key', scopes: ['admin', 'read'] }))), [
      { field: 'scopes', from: ['read'], to: ['read', 'admin'] },
    ]);
    assert.equal(node.config.keys('shop').length, 1);
  });

  test('is replaced under its id, and never shown', async () => {
    const node = await configured();
    const outcome = await node.apply(withKeys({ id: 'main', key: 'another-key', scopes: ['trigger', 'admin'] }));
    assert.deepEqual(fieldsOf(outcome), [{ field: 'key', from: '(changed)', to: '(changed)' }]);
    assert.equal(node.config.keyByHash(hash('sha256', 'shop-key')), null);
    assert.equal(node.config.keyByHash(hash('sha256', 'another-key'))?.id, 'main');
  });

  test('of another account is refused', async () => {
    const node = await configured();
    const outcome = await node.apply({ account: 'other', keys: [{ key: 'shop-key', scopes: ['read'] }] });
    assert.deepEqual(faultsOf(outcome), ['keys.0.key: is in use by another account; make another key']);
  });

  test('keeps its id', async () => {
    const node = await configured();
    const outcome = await node.apply(withKeys({ id: 'second', key: 'shop-key', scopes: ['read'] }));
    assert.match(faultsOf(outcome).join(), /^keys\.0\.id: must be "main"/);
  });

  test('is named once, also by its id and by itself', async () => {
    const node = await configured();
    const outcome = await node.apply(withKeys({ id: 'main', scopes: ['read'] }, { key: 'shop-key', scopes: ['read'] }));
    assert.match(faultsOf(outcome).join(), /^keys\.1: is the key "main", as keys\[0\] is/);
  });

  test('that is short is not given away by its hint', async () => {
    const node = configuredNode();
    await node.apply(withKeys({ id: 'short', key: 'abc', scopes: ['read'] }));
    assert.equal(node.config.keys('shop')[0]!.hint, 'a…');
  });
});

describe('two nodes at once', () => {
  test('a change decided on the old state is decided again', async () => {
    const node = await configured();
    const other = configuredNode(node.store);
    node.store.beforeNextWrite(async () => {
      assert.equal((await other.apply(manifest({ campaigns: [smsCampaign({ body: 'Theirs' })] }))).kind, 'applied');
    });
    const outcome = await node.apply(manifest({ campaigns: [smsCampaign({ body: 'Ours' })] }));
    assert.deepEqual(fieldsOf(outcome), [
      { field: 'body', from: 'Theirs', to: 'Ours' },
      { field: 'version', from: 2, to: 3 },
    ]);
    assert.equal(messageIn(await node.store.version('shop', '~sms', 2)).body, 'Theirs');
  });

  test('a change that the other one forbids is refused', async () => {
    const node = await configured();
    const other = configuredNode(node.store);
    node.store.beforeNextWrite(
      async () => void (await other.apply(manifest({ campaigns: [smsCampaign({ state: 'ended' })] }))),
    );
    const outcome = await node.apply(manifest({ campaigns: [smsCampaign({ body: 'Ours' })] }));
    assert.match(faultsOf(outcome).join(), /is ended and cannot become running/);
    assert.equal(node.store.writes(), 2);
  });

  test('only one gets a key that both want', async () => {
    const node = configuredNode();
    const other = configuredNode(node.store);
    const wanting = (account: string) => ({ account, keys: [{ key: 'same-key', scopes: ['read'] }] });
    const kinds = (await Promise.all([node.apply(wanting('a')), other.apply(wanting('b'))])).map(({ kind }) => kind);
    assert.deepEqual(kinds.toSorted(), ['applied', 'refused']);
  });
});
