/** Semantics §12: a campaign with messages for several channels sends them at once; its leg is delivered when any of them is. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { fail, messageStates, openJourney, refuse, say } from '../support/journey.ts';

const ALL = 'all';
const ATTEMPT = 'fallback_on_attempt_failure';
const DELIVERY = 'fallback_on_delivery_failure';
const BOTH = { messages: [say('sms'), say('email')] };

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

describe('semantics §12', { concurrency: true }, () => {
  test('all: each channel gets its message, under an id of its own', async (t) => {
    const journey = await openJourney(t, carom, () => ({ '~both': BOTH }));
    const view = await journey.ended(await journey.trigger(ALL, ['~both']));
    assert.equal(view.state, 'completed');
    assert.deepEqual(messageStates(view), ['sms accepted', 'email accepted']);
    assert.deepEqual(
      [(await journey.call('sms')).body.to, (await journey.call('email')).body.to],
      ['+919876543210', 'ana@example.com'],
    );
    const ids = view.legs[0]!.messages.map(({ id }) => id);
    assert.deepEqual([(await journey.call('sms')).body.id, (await journey.call('email')).body.id], ids);
    assert.equal(view.legs[0]!.stages, undefined);
  });

  test('delivery mode: the leg is delivered when any of its messages is, also the last to be asked', async (t) => {
    for (const [first, second] of [
      ['sms', 'email'],
      ['email', 'sms'],
    ] as const) {
      const journey = await openJourney(t, carom, () => ({ '~both': BOTH, '~next': say('whatsapp') }));
      const id = await journey.trigger(DELIVERY, ['~both', '~next']);
      await journey.report(await journey.call(first), 'undelivered');
      await journey.report(await journey.call(second), 'delivered');
      const view = await journey.ended(id);
      assert.deepEqual(
        [view.state, view.legs[0]!.state, view.legs[1]!.reason],
        ['succeeded', 'delivered', 'chain_succeeded'],
      );
      assert.deepEqual(new Set(journey.called.split(' ')), new Set(['sms', 'email']));
    }
  });

  test('delivery mode: only when all of them have failed does the next leg start', async (t) => {
    const journey = await openJourney(t, carom, () => ({ '~both': BOTH, '~next': say('whatsapp') }));
    journey.answers['email'] = [refuse];
    const id = await journey.trigger(DELIVERY, ['~both', '~next']);
    const sms = await journey.call('sms');
    const half = await journey.until(id, ({ legs }) => messageStates({ legs } as never).includes('email rejected'));
    assert.equal(half.legs[1]!.state, 'pending');
    await journey.report(sms, 'undelivered');
    await journey.report(await journey.call('whatsapp'), 'delivered');
    const view = await journey.ended(id);
    assert.deepEqual([view.state, view.legs.map(({ state }) => state)], ['succeeded', ['undelivered', 'delivered']]);
  });

  test('attempt mode: acceptance of any is success', async (t) => {
    const journey = await openJourney(t, carom, () => ({ '~both': BOTH, '~next': say('whatsapp') }));
    journey.answers['sms'] = [refuse];
    const view = await journey.ended(await journey.trigger(ATTEMPT, ['~both', '~next']));
    assert.deepEqual([view.state, view.legs[0]!.state], ['succeeded', 'accepted']);
    assert.ok(!journey.called.includes('whatsapp'));
  });

  test('who lacks an address on one channel is reached on the other', async (t) => {
    const journey = await openJourney(t, carom, () => ({ '~both': BOTH }));
    const id = await journey.trigger(DELIVERY, ['~both'], { email: undefined });
    await journey.report(await journey.call('sms'), 'delivered');
    const view = await journey.ended(id);
    assert.deepEqual([view.state, view.legs[0]!.state], ['succeeded', 'delivered']);
    assert.deepEqual(messageStates(view), ['sms delivered', 'none skipped:no_address']);
  });

  test('each message has its own retries', async (t) => {
    const retry = { attempts: 3, backoff: '20ms' };
    const journey = await openJourney(t, carom, () => ({
      '~both': {
        messages: [
          { ...say('sms'), retry },
          { ...say('email'), retry: { attempts: 1 } },
        ],
      },
    }));
    Object.assign(journey.answers, { sms: [fail], email: [fail] });
    const view = await journey.ended(await journey.trigger(ALL, ['~both']));
    assert.deepEqual(
      view.legs[0]!.messages.map(({ channel, attempts }) => [channel, attempts]),
      [
        ['sms', 3],
        ['email', 1],
      ],
    );
  });

  test('a dry run and a preview show all of them', async (t) => {
    const journey = await openJourney(t, carom, (its) => ({
      '~both': { messages: [say('sms', 'Hi {{ name }}'), say('email', 'Dear {{ name }}')] },
      '~j': {
        stages: [say('sms'), { hook: { url: its.hookUrl('crm') } }, { wait: '1h' }, say('email', 'Bye {{ name }}')],
      },
    }));
    const params = { name: 'Ana' };
    const body = { campaignIds: ['~both', '~j'], mode: ALL, userId: 'u', phone: '+919876543210', params };
    const planned = await journey.api('POST', 'transactions?dryRun=true', body);
    assert.equal(planned.status, 200, JSON.stringify(planned.body));
    const [both, staged] = planned.body.legs;
    assert.deepEqual(
      [both.state, both.message.body, both.messages[1].state, both.messages[1].reason],
      ['ready', 'Hi Ana', 'skipped', 'no_address'],
    );
    assert.deepEqual(
      [...staged.messages, ...staged.hooks].map(({ stage, state }) => `${stage} ${state}`),
      ['0 ready', '3 skipped', '1 ready'],
    );
    assert.equal(staged.hooks[0].url, journey.hookUrl('crm'));
    const preview = await journey.api('POST', 'campaigns/~j/preview', { params, email: 'ana@example.com' });
    assert.equal(preview.status, 200, JSON.stringify(preview.body));
    assert.deepEqual(
      preview.body.messages.map((one: Record<string, unknown>) => [
        one['stage'],
        one['channel'],
        one['body'],
        one['to'],
      ]),
      [
        [0, 'sms', 'hello by sms', null],
        [3, 'email', 'Bye Ana', 'ana@example.com'],
      ],
    );
    assert.deepEqual([preview.body.channel, preview.body.reason], ['sms', 'no_address']);
    assert.equal(journey.calls.length, 0);
  });

  test('a campaign that says a channel twice, or asks in circles, is refused with the remedy', async (t) => {
    const journey = await openJourney(t, carom, () => ({ '~both': BOTH }));
    const twice = await journey.api('PUT', 'campaigns/~x', { messages: [say('sms'), say('sms')] });
    assert.equal(twice.status, 400);
    assert.deepEqual(twice.body.errors[0].path, ['messages', 1, 'channel']);
    const circle = [say('sms'), { ...say('email'), when: { stage: 1, is: 'clicked' } }];
    const refused = await journey.api('PUT', 'campaigns/~x', { stages: circle });
    assert.match(refused.body.errors[0].message, /is circular/);
  });
});
