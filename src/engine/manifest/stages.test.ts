/** Campaigns of several channels and stages: what is read, and what is found fault with. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { StageContent } from '#domain/campaign.ts';
import { configuredNode, faultsOf, manifest } from '../../../tests/support/manifests.ts';
import { putCampaign } from '../campaign-admin.ts';

const SMS = { channel: 'sms', provider: 'sms-a', body: 'Hi' };
const EMAIL = { channel: 'email', provider: 'email-a', body: 'Hello', subject: 'News' };
const CRM = { url: 'https://crm.example/{{ user_id }}', headers: { Authorization: 'Bearer t0ken' }, json: { a: 1 } };

const PROVIDERS = [
  { id: 'sms-a', channel: 'sms', type: 'sandbox' },
  { id: 'email-a', channel: 'email', type: 'sandbox' },
];
const withCampaign = (content: object) =>
  manifest({ providers: PROVIDERS, campaigns: [{ id: '~j', state: 'running', ...content }] });

async function contentOf(content: object) {
  const node = configuredNode();
  const outcome = await node.apply(withCampaign(content));
  assert.equal(outcome.kind, 'applied', faultsOf(outcome).join('\n'));
  return node.config.campaign('shop', '~j')!.content;
}

async function stagesRead(...stages: object[]): Promise<StageContent[]> {
  const content = await contentOf({ stages });
  assert.ok('stages' in content);
  return content.stages;
}

const sms = { channel: 'sms', providers: ['sms-a'], body: 'Hi' };
const email = { channel: 'email', providers: ['email-a'], body: 'Hello', subject: 'News' };

describe('a campaign', () => {
  test('of several channels is one stage', async () => {
    assert.deepEqual(await contentOf({ messages: [SMS, EMAIL] }), {
      stages: [{ kind: 'message', messages: [sms, email] }],
    });
  });

  test('of one message is the same however it is written', async () => {
    for (const content of [SMS, { messages: [SMS] }, { stages: [SMS] }, { stages: [{ messages: [SMS] }] }]) {
      assert.deepEqual(await contentOf(content), sms);
    }
  });

  test('of stages has them in their order, conditions by position', async () => {
    const stages = await stagesRead(
      { id: 'hello', messages: [SMS, EMAIL] },
      { wait: '10m' },
      { ...SMS, when: 'not delivered' },
      { hook: { ...CRM, retry: { attempts: 2, backoff: '1s' } }, when: { stage: 'hello', is: 'clicked' } },
      { id: 'again', wait: '2h', when: { stage: 2, is: 'not clicked' } },
    );
    assert.deepEqual(stages, [
      { id: 'hello', kind: 'message', messages: [sms, email] },
      { kind: 'wait', waitMs: 600_000 },
      { kind: 'message', messages: [sms], when: { stage: 0, is: 'not delivered' } },
      {
        kind: 'hook',
        hook: { request: CRM, retry: { attempts: 2, backoffMs: [1_000] } },
        when: { stage: 0, is: 'clicked' },
      },
      { id: 'again', kind: 'wait', waitMs: 7_200_000, when: { stage: 2, is: 'not clicked' } },
    ]);
  });

  test('has its tracking for each message', async () => {
    const tracked = async (tracking: unknown) => {
      const content = await contentOf({ ...SMS, tracking });
      return 'stages' in content ? null : content.tracking;
    };
    assert.deepEqual(await tracked(false), { clicks: false, opens: false, unsubscribe: false });
    assert.deepEqual(await tracked({ clicks: false, opens: true }), { clicks: false });
    for (const all of [true, {}, { unsubscribe: true }]) assert.equal(await tracked(all), undefined);
  });

  test('may have a sender that is known only when it is sent', async () => {
    await contentOf({ ...SMS, from: '{{ shop }}' });
    await contentOf({ ...SMS, from: '+4915112345678' });
    await contentOf({ ...EMAIL, from: 'A very long name <shop@example.com>' });
  });
});

describe('a fault', () => {
  const WAIT = { wait: '1h' };
  const cases: [what: string, content: object, place: string, words: string | RegExp][] = [
    ['no stages', { stages: [] }, 'stages', 'has no message'],
    ['only a wait', { stages: [WAIT] }, 'stages', 'has no message; give it a stage with a channel'],
    ['stages that are no list', { stages: SMS }, 'stages', 'must be a list'],
    ['a stage that is a text', { stages: [SMS, 'wait'] }, 'stages.1', 'must be a map'],
    ['too many stages', { stages: Array.from({ length: 51 }, () => SMS) }, 'stages', 'has 51 entries; at most 50'],
    [
      'too many messages',
      {
        stages: Array.from({ length: 50 }, () => ({
          messages: [SMS, EMAIL, { ...SMS, channel: 'push', provider: 'push-a' }],
        })),
      },
      'stages',
      'has 150 messages; at most 100',
    ],
    ['messages beside stages', { stages: [SMS], messages: [SMS] }, 'stages', 'stands beside "messages"; keep one'],
    ['a text beside stages', { stages: [SMS], body: 'x' }, 'body', 'give it to the message it is about'],
    [
      'a timeout beside messages',
      { messages: [SMS], receiptTimeout: '1s' },
      'receiptTimeout',
      'give it to the message',
    ],
    ['a misspelt key', { stage: [SMS], ...SMS }, 'stage', 'did you mean "stages"?'],
    ['a misspelt key of a stage', { stages: [{ ...SMS, whn: 'clicked' }] }, 'stages.0.whn', 'did you mean "when"?'],
    ['a wait with a body', { stages: [SMS, { ...WAIT, body: 'x' }] }, 'stages.1.body', 'make it a stage of its own'],
    ['a wait with a hook', { stages: [SMS, { ...WAIT, hook: CRM }] }, 'stages.1.hook', 'stands beside "wait"'],
    ['a wait that is no duration', { stages: [SMS, { wait: 10 }] }, 'stages.1.wait', 'such as 10s'],
    ['a short wait', { stages: [SMS, { wait: '99ms' }] }, 'stages.1.wait', 'from 100ms to 90d'],
    ['a long wait', { stages: [SMS, { wait: '91d' }] }, 'stages.1.wait', 'from 100ms to 90d'],
    ['no messages', { messages: [] }, 'messages', 'is empty'],
    ['a channel twice', { messages: [SMS, EMAIL, SMS] }, 'messages.2.channel', '"sms" has a message here already'],
    ['a channel twice in a stage', { stages: [{ messages: [SMS, SMS] }] }, 'stages.0.messages.1.channel', 'already'],
    [
      'an unknown provider',
      { stages: [SMS, { ...SMS, provider: 'sms-b' }] },
      'stages.1.provider',
      'did you mean "sms-a"?',
    ],
    [
      'a provider of another channel',
      { messages: [SMS, { ...EMAIL, provider: undefined, providers: ['email-a', 'sms-a'] }] },
      'messages.1.providers.1',
      'a provider for sms, in a message for email',
    ],
    [
      'a bad template',
      { stages: [SMS, WAIT, { messages: [EMAIL, { ...SMS, body: '{{' }] }] },
      'stages.2.messages.1.body',
      'is no template',
    ],
    ['a bad sender', { stages: [{ ...SMS, from: '--' }] }, 'stages.0.from', 'can be no sender of an SMS'],
    ['a message without words', { stages: [{ channel: 'sms', provider: 'sms-a' }] }, 'stages.0', 'has nothing to say'],
    [
      'an id twice',
      { stages: [{ ...SMS, id: 'a' }, WAIT, { ...SMS, id: 'a' }] },
      'stages.2.id',
      'the id of stage 0 already',
    ],
    ['an id like a position', { stages: [{ ...SMS, id: 1 }] }, 'stages.0.id', 'could be taken for a position'],
    [
      'a first message with a condition',
      { stages: [{ ...SMS, when: 'delivered' }] },
      'stages.0.when',
      'has no message before it',
    ],
    [
      'a hook that asks before any message',
      { stages: [{ hook: CRM, when: 'clicked' }, SMS] },
      'stages.0.when',
      'has no message before it',
    ],
    [
      'an unknown condition',
      { stages: [SMS, { ...SMS, when: 'not deliverd' }] },
      'stages.1.when',
      'did you mean "not delivered"?',
    ],
    ['a condition that is a list', { stages: [SMS, { ...SMS, when: ['clicked'] }] }, 'stages.1.when', 'must be a text'],
    [
      'a condition without a word',
      { stages: [SMS, { ...SMS, when: { stage: 0 } }] },
      'stages.1.when.is',
      'is missing; use one of',
    ],
    [
      'a condition without a stage',
      { stages: [SMS, { ...SMS, when: { is: 'clicked' } }] },
      'stages.1.when.stage',
      'is missing; give the id',
    ],
    [
      'an unknown stage',
      {
        stages: [
          { ...SMS, id: 'hello' },
          { ...SMS, when: { stage: 'helo', is: 'clicked' } },
        ],
      },
      'stages.1.when.stage',
      'did you mean "hello"?',
    ],
    [
      'an unknown stage where none has an id',
      { stages: [SMS, { ...SMS, when: { stage: 'x', is: 'clicked' } }] },
      'stages.1.when.stage',
      'name it by its position, 0 for the first',
    ],
    [
      'a stage out of range',
      { stages: [SMS, { ...SMS, when: { stage: 2, is: 'clicked' } }] },
      'stages.1.when.stage',
      'the stages are 0 to 1',
    ],
    [
      'a stage that is no whole number',
      { stages: [SMS, { ...SMS, when: { stage: 0.5, is: 'clicked' } }] },
      'stages.1.when.stage',
      'there is no stage 0.5',
    ],
    [
      'a circle of one',
      { stages: [SMS, { ...SMS, id: 'me', when: { stage: 'me', is: 'clicked' } }] },
      'stages.1.when.stage',
      'is circular: it names its own stage',
    ],
    [
      'a circle of two',
      {
        stages: [
          SMS,
          { ...SMS, id: 'a', when: { stage: 'b', is: 'clicked' } },
          { ...SMS, id: 'b', when: { stage: 'a', is: 'clicked' } },
        ],
      },
      'stages.1.when.stage',
      'is circular: it names stage 2, whose turn comes later',
    ],
    [
      'a condition about a wait',
      { stages: [SMS, WAIT, { ...SMS, when: { stage: 1, is: 'delivered' } }] },
      'stages.2.when.stage',
      'names stage 1, a wait, which nobody gets',
    ],
    ['a hook that is a text', { stages: [SMS, { hook: 'https://crm.example' }] }, 'stages.1.hook', 'must be a map'],
    ['a hook without a url', { stages: [SMS, { hook: { json: {} } }] }, 'stages.1.hook.url', 'is missing'],
    [
      'a hook whose host is a template',
      { stages: [SMS, { hook: { url: 'https://{{ host }}/' } }] },
      'stages.1.hook.url',
      'a host written out',
    ],
    [
      'a bad template in a hook',
      { stages: [SMS, { hook: { ...CRM, json: { a: [1, '{{'] } } }] },
      'stages.1.hook.json.a.1',
      'is no template',
    ],
    [
      'a hook that may take too long',
      { stages: [SMS, { hook: { ...CRM, timeout: '31s' } }] },
      'stages.1.hook.timeout',
      'out of bounds',
    ],
    [
      'a bad retry of a hook',
      { stages: [SMS, { hook: { ...CRM, retry: { attempts: 0 } } }] },
      'stages.1.hook.retry.attempts',
      'from 1 to 20',
    ],
    [
      'a header to keep that is not there',
      { stages: [SMS, { hook: { ...CRM, headers: { Authorization: '(kept)' } } }] },
      'stages.1.hook.headers.Authorization',
      'no stored value to keep',
    ],
  ];
  for (const [what, content, place, words] of cases) {
    test(what, async () => {
      const faults = faultsOf(await configuredNode().apply(withCampaign(content)));
      // Of what is wrong in many places, the first is looked at.
      assert.equal(faults[0]?.split(':')[0], `campaigns.0.${place}`, faults.join('\n'));
      assert.ok(faults[0].includes(words as string), faults[0]);
      if (!what.startsWith('too many messages')) assert.equal(faults.length, 1, faults.join('\n'));
    });
  }

  test('of each stage, all at once', async () => {
    const stages = [
      { ...SMS, provider: 'none' },
      { wait: 'long' },
      { ...EMAIL, body: '{{', when: 'opened' },
      { hook: { url: 'x' } },
    ];
    const faults = faultsOf(await configuredNode().apply(withCampaign({ stages })));
    assert.deepEqual(faults.map((fault) => fault.split(':')[0]!.replace('campaigns.0.stages.', '')).toSorted(), [
      '0.provider',
      '1.wait',
      '2.body',
      '2.when',
      '3.hook.url',
    ]);
  });

  test('of one campaign put by itself is told from its root', async () => {
    const { tools } = configuredNode();
    const outcome = await putCampaign(tools, 'shop', '~j', { stages: [{ ...SMS, body: '{{' }, { hook: {} }] });
    assert.deepEqual(
      faultsOf(outcome).map((fault) => fault.split(':')[0]),
      ['stages.0.provider', 'stages.0.body', 'stages.1.hook.url'],
    );
  });
});
