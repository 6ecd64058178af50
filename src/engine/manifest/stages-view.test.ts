/** Campaigns of several channels and stages: what is shown of them, and what of a change. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { configuredNode, faultsOf, fieldsOf, manifest } from '../../../tests/support/manifests.ts';
import { patchCampaign, putCampaign, versionedCampaignView } from '../campaign-admin.ts';
import { campaignView, readCampaign } from './campaign.ts';
import { createFaults } from './faults.ts';

const SMS = { channel: 'sms', provider: 'sms-a', body: 'Hi' };
const EMAIL = { channel: 'email', provider: 'email-a', body: 'Hello', subject: 'News' };
const CRM = { url: 'https://crm.example/{{ user_id }}', headers: { Authorization: 'Bearer t0ken' }, json: { a: 1 } };

const PROVIDERS = [
  { id: 'sms-a', channel: 'sms', type: 'sandbox' },
  { id: 'email-a', channel: 'email', type: 'sandbox' },
];
const withCampaign = (content: object) =>
  manifest({ providers: PROVIDERS, campaigns: [{ id: '~j', state: 'running', ...content }] });

describe('what is shown of it', () => {
  const text = fc.constantFrom('Hi {{ first_name }}', 'x', '{{ a.b }} €');
  const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
  const duration = fc.constantFrom('0s', '500ms', '90s', '10m', '3d');
  const flag = fc.boolean();
  const tracking = fc.oneof(flag, fc.record({ clicks: flag, opens: flag, unsubscribe: flag }, { requiredKeys: [] }));
  const retry = fc.record({ attempts: fc.integer({ min: 1, max: 20 }), backoff: fc.constantFrom('1s', ['1s', '2m']) });
  const messageOf = (channel: string) =>
    fc.record({
      channel: fc.constant(channel),
      provider: fc.constantFrom('a', 'b'),
      body: text,
      subject: optional(text),
      data: optional(fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), text)),
      receiptTimeout: optional(duration),
      retry: optional(retry),
      onUnknown: optional(fc.constantFrom('leave', 'resend')),
      tracking: optional(tracking),
    });
  const messages = fc
    .uniqueArray(fc.constantFrom('sms', 'email', 'push', 'whatsapp'), { minLength: 1, maxLength: 4 })
    .chain((channels) => fc.tuple(...channels.map(messageOf)));
  const hook = fc.record({
    url: fc.constantFrom('https://a.example/', 'https://b.example/{{ x }}'),
    json: optional(fc.jsonValue({ maxDepth: 2 })),
    timeout: optional(fc.constant('5s')),
    retry: optional(retry),
  });
  const stage = fc.oneof(
    { arbitrary: messageOf('sms'), weight: 3 },
    messages.map((list) => ({ messages: list })),
    fc.constantFrom('100ms', '1s', '90d').map((wait) => ({ wait })),
    hook.map((one) => ({ hook: one })),
  );
  /** A message first, so that every condition has something to be about. */
  const stages = fc
    .tuple(messageOf('email'), fc.array(fc.tuple(stage, flag, fc.nat(), fc.nat(3)), { maxLength: 8 }))
    .map(([first, others]) => {
      const conditions = ['delivered', 'not delivered', 'clicked', 'not clicked'];
      const list: Record<string, unknown>[] = [first];
      for (const [one, named, about, condition] of others) {
        const asked = list.map((_, at) => at).filter((at) => 'channel' in list[at]! || 'messages' in list[at]!);
        const at = asked[about % asked.length]!;
        const is = conditions[condition];
        const when = about % 3 === 0 ? undefined : about % 3 === 1 ? is : { stage: list[at]!['id'] ?? at, is };
        list.push({ ...one, ...(named && { id: `stage-${list.length}` }), when });
      }
      return list;
    });
  const written = fc.oneof(
    messageOf('sms'),
    messages.map((list) => ({ messages: list })),
    stages.map((list) => ({ stages: list })),
  );

  test('reads as the same', () => {
    fc.assert(
      fc.property(written, (given) => {
        const read = (value: unknown) => {
          const faults = createFaults();
          const draft = readCampaign({ value: { id: '~j', ...JSON.parse(JSON.stringify(value)) }, path: [], faults });
          assert.deepEqual(faults.list(), []);
          return draft!.content;
        };
        const content = read(given);
        const { id: _id, ...view } = campaignView({
          accountId: 'shop',
          id: '~j',
          name: '~j',
          state: 'draft',
          version: 1,
          content,
        });
        assert.deepEqual(read(view), content);
      }),
      { numRuns: 500 },
    );
  });

  test('is what was written, in its shortest way', async () => {
    const stages = [
      { id: 'hello', messages: [SMS, EMAIL] },
      { wait: '10m' },
      { when: 'not delivered', ...SMS, tracking: false },
      { when: { stage: 'hello', is: 'clicked' }, hook: { url: CRM.url, json: { a: '{{ x }}' } } },
    ];
    const node = configuredNode();
    await node.apply(withCampaign({ stages }));
    assert.deepEqual(versionedCampaignView(node.config.campaign('shop', '~j')!)['stages'], stages);
  });
});

describe('the headers of a hook', () => {
  const stages = (...hooks: object[]) => ({ stages: [SMS, ...hooks.map((hook) => ({ hook }))] });
  const headersIn = (node: ReturnType<typeof configuredNode>) => {
    const { content } = node.config.campaign('shop', '~j')!;
    assert.ok('stages' in content);
    return content.stages.flatMap((one) => (one.kind === 'hook' ? [one.hook.request['headers']] : []));
  };

  test('are never shown', async () => {
    const node = configuredNode();
    const made = await node.apply(withCampaign(stages(CRM)));
    const changed = await node.apply(withCampaign(stages({ ...CRM, headers: { Authorization: 'Bearer n3w' } })));
    assert.deepEqual(fieldsOf(changed), [
      { field: 'stages.1.hook.headers.Authorization', from: '(changed)', to: '(changed)' },
      { field: 'version', from: 1, to: 2 },
    ]);
    const shown = JSON.stringify([made, changed, versionedCampaignView(node.config.campaign('shop', '~j')!)]);
    assert.ok(!/t0ken|n3w/.test(shown), shown);
  });

  test('are not alone: its password is never shown either', async () => {
    const node = configuredNode();
    const hook = (password: string) => ({ url: CRM.url, basicAuth: { username: 'shop', password } });
    const made = await node.apply(withCampaign(stages(hook('0pen'))));
    const changed = await node.apply(withCampaign(stages(hook('sesam3'))));
    const view = campaignView(node.config.campaign('shop', '~j')!);
    const shown = JSON.stringify([made, changed, view]);
    assert.ok(!/0pen|sesam3/.test(shown), shown);
    assert.deepEqual(await node.apply(withCampaign(view)), { kind: 'applied', changes: [] });
  });

  test('are kept when they are given as they are shown', async () => {
    const node = configuredNode();
    await node.apply(withCampaign(stages(CRM)));
    const view = campaignView(node.config.campaign('shop', '~j')!);
    assert.deepEqual(await node.apply(withCampaign(view)), { kind: 'applied', changes: [] });
    const outcome = await putCampaign(node.tools, 'shop', '~j', {
      stages: [SMS, { wait: '1h' }, { hook: { ...CRM, headers: { Authorization: '(kept)', 'X-A': '1' } } }],
    });
    assert.equal(outcome.kind, 'done', faultsOf(outcome).join());
    assert.deepEqual(headersIn(node), [{ Authorization: 'Bearer t0ken', 'X-A': '1' }]);
  });

  test('are kept by id, or by url, never by position', async () => {
    const node = configuredNode();
    const other = { url: 'https://other.example/', headers: { Authorization: 'other' } };
    await node.apply(withCampaign({ stages: [SMS, { hook: CRM }, { id: 'other', hook: other }] }));
    const kept = { Authorization: '(kept)' };
    const moved = { url: 'https://other.example/v2', headers: kept };
    await node.apply(
      withCampaign({ stages: [SMS, { id: 'other', hook: moved }, { hook: { ...CRM, headers: kept } }] }),
    );
    assert.deepEqual(headersIn(node), [{ Authorization: 'other' }, { Authorization: 'Bearer t0ken' }]);
    const stranger = { url: 'https://stranger.example/', headers: kept };
    const refused = await node.apply(withCampaign({ stages: [SMS, { hook: stranger }] }));
    assert.match(faultsOf(refused).join(), /has no stored value to keep/);
  });
});

describe('a change', () => {
  test('is told stage by stage', async () => {
    const node = configuredNode();
    await node.apply(withCampaign({ stages: [SMS, { wait: '1h' }, { messages: [SMS, EMAIL] }] }));
    const next = [SMS, { wait: '2h' }, { messages: [SMS, { ...EMAIL, body: 'Bye' }] }, SMS];
    assert.deepEqual(fieldsOf(await node.apply(withCampaign({ stages: next }))), [
      { field: 'stages.1.wait', from: '1h', to: '2h' },
      { field: 'stages.2.messages.1.body', from: 'Hello', to: 'Bye' },
      { field: 'stages.3.channel', from: null, to: 'sms' },
      { field: 'stages.3.provider', from: null, to: 'sms-a' },
      { field: 'stages.3.body', from: null, to: 'Hi' },
      { field: 'version', from: 1, to: 2 },
    ]);
  });

  test('of a provider’s channel is refused for a journey that sends through it', async () => {
    const node = configuredNode();
    await node.apply(withCampaign({ stages: [SMS, EMAIL] }));
    const outcome = await node.apply({
      account: 'shop',
      providers: [{ id: 'email-a', channel: 'sms', type: 'sandbox' }],
    });
    assert.deepEqual(faultsOf(outcome), ['providers.0.channel: must stay email: the campaign "~j" sends through it']);
  });

  test('by PATCH keeps what it does not name, and can make a journey of a message and back', async () => {
    const node = configuredNode();
    await node.apply(withCampaign({ stages: [SMS, { hook: CRM }], name: 'journey' }));
    const patch = async (body: object) => {
      const outcome = await patchCampaign(node.tools, 'shop', '~j', body);
      assert.equal(outcome.kind, 'done', faultsOf(outcome).join());
      const { version, name } = node.config.campaign('shop', '~j')!;
      const { stages, messages, channel } = campaignView(node.config.campaign('shop', '~j')!);
      return [version, name, Object.entries({ stages, messages, channel }).find(([, value]) => value)![0]];
    };
    assert.deepEqual(await patch({ name: 'renamed' }), [1, 'renamed', 'stages']);
    assert.deepEqual(await patch({ messages: [SMS, EMAIL] }), [2, 'renamed', 'messages']);
    assert.deepEqual(await patch(SMS), [3, 'renamed', 'channel']);
    assert.deepEqual(await patch({ stages: [SMS, EMAIL] }), [4, 'renamed', 'stages']);
    const refused = await patchCampaign(node.tools, 'shop', '~j', { body: 'x' });
    assert.match(faultsOf(refused).join(), /^body: stands beside "stages"/);
  });
});
