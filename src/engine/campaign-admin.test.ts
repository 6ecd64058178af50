/** Changing campaigns one by one. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { configured, configuredNode, faultsOf, messageIn, smsCampaign } from '../../tests/support/manifests.ts';
import { patchCampaign, putCampaign, removeCampaign, tellCampaign, versionedCampaignView } from './campaign-admin.ts';
import type { CampaignOutcome } from './campaign-admin.ts';

const PUT = { channel: 'sms', provider: 'sms-a', body: 'Hello' };

function campaignOf(outcome: CampaignOutcome) {
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome));
  return outcome.campaign;
}

describe('PUT', () => {
  test('makes a draft', async () => {
    const { tools } = await configured();
    const outcome = await putCampaign(tools, 'shop', '~new', PUT);
    assert.ok(outcome.kind === 'done' && outcome.isNew);
    assert.deepEqual(versionedCampaignView(outcome.campaign), {
      id: '~new',
      name: '~new',
      state: 'draft',
      version: 1,
      ...PUT,
    });
  });

  test('replaces the content, keeps the state, and makes a version of what ran', async () => {
    const { tools } = await configured();
    const campaign = campaignOf(await putCampaign(tools, 'shop', '~sms', { ...PUT, from: 'SHOP' }));
    assert.deepEqual([campaign.version, campaign.state, messageIn(campaign.content).from], [2, 'running', 'SHOP']);
    assert.equal(campaignOf(await putCampaign(tools, 'shop', '~sms', { ...PUT, state: 'paused' })).version, 3);
  });

  test('of what GET gave changes nothing', async () => {
    const { tools, config, store } = await configured();
    const given = versionedCampaignView(config.campaign('shop', '~sms')!);
    assert.equal(campaignOf(await putCampaign(tools, 'shop', '~sms', given)).version, 1);
    assert.equal(store.writes(), 1);
  });

  test('based on an older version is a conflict', async () => {
    const { tools } = await configured();
    await putCampaign(tools, 'shop', '~sms', { ...PUT, version: 1 });
    const late = await putCampaign(tools, 'shop', '~sms', { ...PUT, body: 'Late', version: 1 });
    assert.deepEqual(late, {
      kind: 'conflict',
      message: 'the campaign "~sms" is at version 2, not at version 1; read it again',
    });
    assert.equal((await putCampaign(tools, 'shop', '~none', { ...PUT, version: 1 })).kind, 'conflict');
  });

  test('with faults changes nothing, and has all of them', async () => {
    const { tools, store } = await configured();
    const outcome = await putCampaign(tools, 'shop', 'a,b', {
      id: 'c',
      channel: 'email',
      provider: 'sms-a',
      body: '{{',
      x: 1,
    });
    assert.deepEqual(
      faultsOf(outcome).map((fault) => fault.split(':')[0]),
      ['id', 'x', 'id'],
    );
    const other = await putCampaign(tools, 'shop', '~sms', {
      channel: 'email',
      provider: 'sms-a',
      body: '{{',
      state: 'draft',
    });
    assert.deepEqual(
      faultsOf(other).map((fault) => fault.split(':')[0]),
      ['provider', 'body', 'state'],
    );
    assert.equal((await putCampaign(tools, 'shop', '~sms', null)).kind, 'refused');
    assert.equal(faultsOf(await putCampaign(tools, 'shop', '~sms', { ...PUT, body: '\0' })).length, 1);
    assert.equal(store.writes(), 1);
  });
});

describe('PATCH', () => {
  test('changes what it names, and takes away what it gives null', async () => {
    const { tools } = await configured();
    await putCampaign(tools, 'shop', '~sms', {
      ...PUT,
      from: 'SHOP',
      retry: { attempts: 3 },
      data: { a: '1', b: '2' },
    });
    const patch = { from: null, retry: { attempts: 2 }, data: { a: null, c: '3' }, name: 'hello' };
    const { name, content } = campaignOf(await patchCampaign(tools, 'shop', '~sms', patch));
    const message = messageIn(content);
    assert.deepEqual(
      [name, message.from, message.body, message.retry],
      ['hello', undefined, 'Hello', { attempts: 2, backoffMs: [500, 2_000, 8_000] }],
    );
    assert.deepEqual(message.data, { b: '2', c: '3' });
  });

  test('takes provider and providers for the same thing', async () => {
    const { tools } = await configured();
    const patched = async (patch: object) =>
      messageIn(campaignOf(await patchCampaign(tools, 'shop', '~sms', patch)).content).providers;
    assert.deepEqual(await patched({ providers: ['sms-http', 'sms-a'] }), ['sms-http', 'sms-a']);
    assert.equal((await patched({ body: 'x' })).length, 2);
    assert.deepEqual(await patched({ provider: 'sms-a' }), ['sms-a']);
    assert.match(
      faultsOf(await patchCampaign(tools, 'shop', '~sms', { provider: null })).join(),
      /^provider: is missing/,
    );
  });

  test('wants a campaign and a map', async () => {
    const { tools } = await configured();
    assert.deepEqual(await patchCampaign(tools, 'shop', '~none', {}), { kind: 'unknown' });
    assert.equal((await patchCampaign(tools, 'shop', '~sms', [])).kind, 'refused');
    assert.equal((await patchCampaign(tools, 'shop', '~sms', { version: 7, body: 'x' })).kind, 'conflict');
  });

  test('is made on what another node wrote meanwhile', async () => {
    const node = await configured();
    const other = configuredNode(node.store);
    node.store.beforeNextWrite(async () => void (await patchCampaign(other.tools, 'shop', '~sms', { from: 'THEM' })));
    const { content, version } = campaignOf(await patchCampaign(node.tools, 'shop', '~sms', { body: 'Us' }));
    const { from, body } = messageIn(content);
    assert.deepEqual([from, body, version], ['THEM', 'Us', 3]);
  });
});

describe('verbs', () => {
  test('move a campaign through its life', async () => {
    const { tools, config, store } = await configured();
    for (const [verb, state] of [
      ['pause', 'paused'],
      ['pause', 'paused'],
      ['start', 'running'],
      ['end', 'ended'],
    ] as const) {
      assert.equal(campaignOf(await tellCampaign(tools, 'shop', '~sms', verb)).state, state);
      assert.equal(config.campaign('shop', '~sms')?.state, state);
    }
    assert.equal(store.writes(), 4, 'repeating a verb writes nothing');
    assert.equal(config.campaign('shop', '~sms')?.version, 1);
    assert.equal((await tellCampaign(tools, 'shop', '~sms', 'start')).kind, 'conflict');
  });

  test('do not pause a draft, and do not know strangers', async () => {
    const { tools } = await configured();
    await putCampaign(tools, 'shop', '~new', PUT);
    assert.deepEqual(await tellCampaign(tools, 'shop', '~new', 'pause'), {
      kind: 'conflict',
      message: 'the campaign "~new" is a draft and cannot be told to pause: it does not run yet, start it first',
    });
    assert.deepEqual(await tellCampaign(tools, 'shop', '~none', 'start'), { kind: 'unknown' });
  });
});

test('DELETE takes a campaign away, once', async () => {
  const { tools, config } = await configured();
  assert.equal(await removeCampaign(config, 'shop', '~sms'), true);
  assert.equal(await removeCampaign(config, 'shop', '~sms'), false);
  assert.equal(config.campaign('shop', '~sms'), null);
  assert.equal(campaignOf(await putCampaign(tools, 'shop', '~sms', smsCampaign())).version, 2, 'versions count on');
});
