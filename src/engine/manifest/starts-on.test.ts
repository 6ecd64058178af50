/** `on`: which event starts a campaign, in manifests and campaigns. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { times } from '../../../tests/support/acceptance.ts';
import {
  changesOf,
  configured,
  configuredNode,
  faultsOf,
  fieldsOf,
  manifest,
  smsCampaign,
} from '../../../tests/support/manifests.ts';
import { patchCampaign, putCampaign, versionedCampaignView } from '../campaign-admin.ts';
import { manifestOf } from './of.ts';

const STARTED = smsCampaign({ on: { event: 'order_paid' } });

describe('on', () => {
  test('is shown as it was given, and applying that again changes nothing', async () => {
    const node = configuredNode();
    await node.apply(manifest({ campaigns: [STARTED] }));
    const shown = manifestOf(node.config, 'shop', node.tools.providerTypes)!;
    assert.deepEqual(shown['campaigns'], [{ ...STARTED, name: '~sms' }]);
    assert.deepEqual(changesOf(await node.apply(shown, { prune: true })), []);
    assert.deepEqual(versionedCampaignView(node.config.campaign('shop', '~sms')!)['on'], { event: 'order_paid' });
  });

  test('is added, changed and taken away without another version', async () => {
    const node = await configured();
    const steps = [
      [{ event: 'order_paid' }, null, 'order_paid'],
      [{ event: 'order_left' }, 'order_paid', 'order_left'],
      [undefined, 'order_left', null],
    ] as const;
    for (const [on, from, to] of steps) {
      const outcome = await node.apply(manifest({ campaigns: [smsCampaign({ on })] }));
      assert.deepEqual(fieldsOf(outcome), [{ field: 'on.event', from, to }]);
      assert.equal(node.config.campaign('shop', '~sms')!.version, 1);
      assert.deepEqual(node.config.startedBy('shop', 'order_paid'), to === 'order_paid' ? ['~sms'] : []);
    }
  });

  test('is changed by a patch, stays where one does not name it, and is taken away by null', async () => {
    const { tools, config } = await configured();
    const on = () => config.campaign('shop', '~sms')!.on;
    await patchCampaign(tools, 'shop', '~sms', { on: { event: 'a' } });
    assert.deepEqual(on(), { event: 'a' });
    await patchCampaign(tools, 'shop', '~sms', { stages: [smsCampaign({ id: undefined, state: undefined })] });
    assert.deepEqual(on(), { event: 'a' });
    await patchCampaign(tools, 'shop', '~sms', { on: null });
    assert.equal(on(), undefined);
  });

  test('counts while the campaign runs and is there', async () => {
    const node = await configured();
    const started = () => node.config.startedBy('shop', 'order_paid');
    for (const [state, ids] of [
      ['paused', []],
      ['running', ['~sms']],
      ['ended', []],
    ] as const) {
      await node.apply(manifest({ campaigns: [{ ...STARTED, state }] }));
      assert.deepEqual(started(), ids, state);
    }
    await node.apply(
      manifest({
        campaigns: [
          { ...STARTED, id: '~b' },
          { ...STARTED, id: '~a' },
        ],
      }),
    );
    assert.deepEqual(started(), ['~a', '~b']);
    assert.deepEqual([node.config.startedBy('other', 'order_paid'), node.config.startedBy('shop', 'x')], [[], []]);
    await node.apply(manifest({ campaigns: [{ ...STARTED, id: '~b' }] }), { prune: true });
    assert.deepEqual(started(), ['~b']);
  });

  const FAULTS: [name: string, campaign: object, fault: RegExp][] = [
    ['a name alone', { on: 'order_paid' }, /^campaigns\.0\.on: must be a map/],
    ['no event', { on: {} }, /^campaigns\.0\.on\.event: is missing; name the event/],
    ['another key', { on: { event: 'a', when: 'b' } }, /^campaigns\.0\.on\.when: is not known here/],
    ['a long name', { on: { event: 'e'.repeat(101) } }, /^campaigns\.0\.on\.event: has 101 characters/],
    [
      'a long campaign id',
      { id: `~${'a'.repeat(63)}`, on: { event: 'a' } },
      /^campaigns\.0\.on: .* has 64 characters.* 63/,
    ],
  ];
  for (const [name, campaign, fault] of FAULTS) {
    test(`has a fault: ${name}`, async () => {
      const faults = faultsOf(await configuredNode().apply(manifest({ campaigns: [smsCampaign(campaign)] })));
      assert.equal(faults.length, 1, faults.join('\n'));
      assert.match(faults[0]!, fault);
    });
  }

  test('may name one event in a hundred campaigns, and not in one more', async () => {
    const node = configuredNode();
    const hundred = times(100, (index) => ({ ...STARTED, id: `~${index}` }));
    assert.equal((await node.apply(manifest({ campaigns: hundred }))).kind, 'applied');
    const faults = faultsOf(await node.apply(manifest({ campaigns: [STARTED] })));
    assert.match(faults.join(), /^campaigns\.0\.on\.event: "order_paid" starts 100 campaigns already/);
    assert.equal((await putCampaign(node.tools, 'shop', '~sms', STARTED)).kind, 'refused');
    assert.equal((await putCampaign(node.tools, 'shop', '~99', { ...STARTED, id: '~99' })).kind, 'done');
    const moved = [{ ...STARTED, id: '~0', on: { event: 'another' } }, STARTED];
    assert.equal((await node.apply(manifest({ campaigns: moved }))).kind, 'applied');
  });
});
