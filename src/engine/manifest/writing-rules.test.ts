import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  configured,
  configuredNode,
  faultsOf,
  fieldsOf,
  messageIn,
  smsCampaign,
} from '../../../tests/support/manifests.ts';
import { manifestOf } from './of.ts';

const RULES = {
  consent: { sms: 'opt_in', voice: 'opt_in' },
  timeZone: 'Asia/Kolkata',
  quietHours: { from: '21:00', to: '08:00', channels: ['sms', 'voice'] },
};

function shown(node: ReturnType<typeof configuredNode>): Record<string, unknown> {
  const { consent, timeZone, quietHours } = manifestOf(node.config, 'shop', node.tools.providerTypes)!;
  return { consent, timeZone, quietHours };
}

describe('consent, time zone and quiet hours', () => {
  test('are given back as they were given, and applying that changes nothing', async () => {
    const node = configuredNode();
    const outcome = await node.apply({ account: 'shop', ...RULES });
    assert.ok(fieldsOf(outcome).some(({ field, to }) => field === 'quietHours.from' && to === '21:00'));
    assert.deepEqual(shown(node), RULES);
    const again = await node.apply(manifestOf(node.config, 'shop', node.tools.providerTypes));
    assert.deepEqual(again, { kind: 'applied', changes: [] });
  });

  test('stay where a manifest does not name them, and are taken away by null', async () => {
    const node = configuredNode();
    await node.apply({ account: 'shop', ...RULES });
    await node.apply({ account: 'shop', name: 'Shop' });
    assert.deepEqual(shown(node), RULES);
    await node.apply({ account: 'shop', timeZone: null, quietHours: null, consent: { sms: 'opt_out' } });
    assert.deepEqual(shown(node), { consent: undefined, timeZone: undefined, quietHours: undefined });
  });

  test('what is wrong is told with its place and a remedy', async () => {
    const faults: [object, RegExp][] = [
      [
        { consent: { sms: 'maybe' } },
        /^consent\.sms: "maybe" is not known; did you mean|^consent\.sms: "maybe" is not known; use/,
      ],
      [{ consent: { pigeon: 'opt_in' } }, /^consent\.pigeon: is not known here/],
      [{ consent: { webhook: 'opt_in' } }, /^consent\.webhook: is not known here/],
      [{ timeZone: 'Mars/Olympus' }, /^timeZone: "Mars\/Olympus" is no time zone; give a name such as Asia\/Kolkata/],
      [{ quietHours: { from: '21:00' } }, /^quietHours\.to: is missing; say when they are over/],
      [{ quietHours: { from: '24:00', to: '08:00' } }, /^quietHours\.from: "24:00" is no time of day/],
      [
        { quietHours: { from: '9 pm', to: '08:00' } },
        /^quietHours\.from: "9 pm" is no time of day; write it as "08:00"/,
      ],
      [{ quietHours: { from: 1260, to: '08:00' } }, /^quietHours\.from: must be a text; put quotes around 1260/],
      [{ quietHours: { from: '08:00', to: '08:00' } }, /^quietHours: end when they begin/],
      [{ quietHours: { from: '21:00', to: '08:00', channels: [] } }, /^quietHours\.channels: is empty/],
      [{ quietHours: { from: '21:00', to: '08:00', until: 1 } }, /^quietHours\.until: is not known here/],
      [{ quietHours: 'night' }, /^quietHours: must be a map/],
    ];
    for (const [rules, expected] of faults) {
      const outcome = await configuredNode().apply({ account: 'shop', ...rules });
      assert.match(faultsOf(outcome).join('\n'), expected);
    }
  });

  test('a critical message says so; what is not critical says nothing', async () => {
    const node = await configured();
    const apply = (changes: object) => node.apply({ account: 'shop', campaigns: [smsCampaign(changes)] });
    await apply({ critical: true });
    assert.equal(messageIn(node.config.campaign('shop', '~sms')?.content).critical, true);
    await apply({ critical: false });
    assert.equal('critical' in messageIn(node.config.campaign('shop', '~sms')?.content), false);
    assert.match(faultsOf(await apply({ critical: 'yes' })).join(), /critical: must be true or false/);
  });
});
