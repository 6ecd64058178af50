/** Semantics §12: campaigns of several stages, which run in their order, wait, and ask what became of earlier ones. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { messageStates, openJourney, refuse, say, stageStates } from '../support/journey.ts';

const ALL = 'all';
const ATTEMPT = 'fallback_on_attempt_failure';
const DELIVERY = 'fallback_on_delivery_failure';
/** Long enough for a receipt to come meanwhile, also on a busy machine. */
const PAUSE = '1s';
/** Longer than any test. */
const LONG = '1h';

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

describe('semantics §12', { concurrency: true }, () => {
  test('stages run in their order, each when the one before it is over', async (t) => {
    const journey = await openJourney(t, carom, (its) => ({
      '~j': {
        stages: [
          say('sms'),
          { wait: '300ms' },
          say('email'),
          { hook: { url: its.hookUrl('crm'), json: {} } },
          say('whatsapp'),
        ],
      },
    }));
    const view = await journey.ended(await journey.trigger(ALL, ['~j']));
    assert.equal(journey.called, 'sms email crm whatsapp');
    assert.equal(view.state, 'completed');
    assert.equal(stageStates(view), 'done done done done done');
    const [sms, email] = journey.calls;
    assert.ok(email!.at - sms!.at >= 295, `${email!.at - sms!.at} ms`);
  });

  test('each stage can be seen, with its messages and in the timeline', async (t) => {
    const journey = await openJourney(t, carom, (its) => ({
      '~j': {
        stages: [
          say('sms'),
          { id: 'crm', hook: { url: its.hookUrl('crm') } },
          { ...say('email'), when: 'clicked' },
          { wait: LONG, when: { stage: 0, is: 'not clicked' } },
        ],
      },
    }));
    const id = await journey.trigger(ALL, ['~j']);
    const view = await journey.untilStage(id, 3, 'waiting');
    const [leg] = view.legs;
    assert.equal(stageStates(view), 'done done skipped:condition_false waiting');
    assert.deepEqual(
      leg!.stages!.map(({ kind, when }) => [kind, when]),
      [
        ['message', null],
        ['hook', null],
        ['message', { stage: 0, is: 'clicked' }],
        ['wait', { stage: 0, is: 'not clicked' }],
      ],
    );
    const [, , , waiting] = leg!.stages!;
    assert.equal(waiting!.wait, LONG);
    assert.ok(Date.parse(waiting!.until!) > Date.now());
    assert.deepEqual(
      leg!.messages.map(({ stage, channel }) => [stage, channel]),
      [[0, 'sms']],
    );
    const { hook } = leg!.stages![1]!;
    assert.deepEqual([hook!.state, hook!.attempts, hook!.reason], ['accepted', 1, null]);
    const told = view.timeline.map(({ what, message, detail }) => `${what} ${detail} ${message === null ? '' : 'm'}`);
    for (const line of ['stage.started 0 message ', 'stage.skipped 2 condition_false ', 'stage.started 3 wait '])
      assert.ok(told.includes(line), told.join('\n'));
    const accepted = view.timeline.find(({ what }) => what === 'message.accepted');
    assert.equal(accepted!.message, leg!.messages[0]!.id);
    assert.equal(view.timeline.find(({ what }) => what === 'hook.accepted')!.message, hook!.id);
  });

  describe('when', { concurrency: true }, () => {
    const outcomes = {
      nothing: [],
      delivered: ['delivered'],
      undelivered: ['undelivered'],
      clicked: ['delivered', 'clicked'],
    };
    const holds: Record<string, (keyof typeof outcomes)[]> = {
      delivered: ['delivered', 'clicked'],
      'not delivered': ['nothing', 'undelivered'],
      clicked: ['clicked'],
      'not clicked': ['nothing', 'delivered', 'undelivered'],
    };
    for (const [outcome, receipts] of Object.entries(outcomes)) {
      test(`after ${outcome}: what holds is sent, the rest is skipped`, async (t) => {
        const asked = Object.keys(holds).map((is) => ({ ...say('whatsapp', is), when: is && { stage: 'first', is } }));
        const stages = [{ id: 'first', ...say('sms') }, { wait: PAUSE }, ...asked];
        const journey = await openJourney(t, carom, () => ({ '~j': { stages } }));
        const id = await journey.trigger(ALL, ['~j']);
        for (const receipt of receipts) await journey.report(await journey.call('sms'), receipt);
        const view = await journey.ended(id);
        assert.deepEqual(
          journey.calls.slice(1).map(({ body }) => body.text),
          Object.keys(holds).filter((is) => holds[is]!.includes(outcome as keyof typeof outcomes)),
        );
        const expected = Object.values(holds).map((list) =>
          list.includes(outcome as keyof typeof outcomes) ? 'done' : 'skipped:condition_false',
        );
        assert.equal(stageStates(view), ['done', 'done', ...expected].join(' '));
      });
    }

    test('a word is about the nearest message before', async (t) => {
      const stages = [say('sms'), say('email'), { wait: PAUSE }, { ...say('whatsapp'), when: 'delivered' }];
      const journey = await openJourney(t, carom, () => ({ '~j': { stages } }));
      const id = await journey.trigger(ALL, ['~j']);
      await journey.report(await journey.call('sms'), 'delivered');
      assert.equal(stageStates(await journey.ended(id)), 'done done done skipped:condition_false');
    });

    test('is asked when its turn comes, and once', async (t) => {
      const stages = [say('sms'), { ...say('email'), when: 'delivered' }, { wait: PAUSE }];
      const journey = await openJourney(t, carom, () => ({ '~j': { stages } }));
      const id = await journey.trigger(ALL, ['~j']);
      await journey.untilStage(id, 2, 'waiting');
      await journey.report(await journey.call('sms'), 'delivered');
      assert.equal(stageStates(await journey.ended(id)), 'done skipped:condition_false done');
      assert.equal(journey.called, 'sms');
    });

    test('a stage of several messages is delivered when any of them is', async (t) => {
      const stages = [
        { messages: [say('sms'), say('email')] },
        { wait: PAUSE },
        { ...say('whatsapp'), when: 'delivered' },
      ];
      const journey = await openJourney(t, carom, () => ({ '~j': { stages } }));
      const id = await journey.trigger(ALL, ['~j']);
      await journey.report(await journey.call('sms'), 'undelivered');
      await journey.report(await journey.call('email'), 'delivered');
      assert.equal(stageStates(await journey.ended(id)), 'done done done');
    });
  });

  describe('in a chain', { concurrency: true }, () => {
    const stages = [say('sms'), { wait: '300ms' }, say('email')];

    test('delivery mode: the leg is judged by its first message; when that arrives, the journey goes on to its end', async (t) => {
      const journey = await openJourney(t, carom, () => ({ '~j': { stages }, '~next': say('whatsapp') }));
      const id = await journey.trigger(DELIVERY, ['~j', '~next']);
      await journey.report(await journey.call('sms'), 'delivered');
      const view = await journey.ended(id);
      assert.equal(view.state, 'succeeded');
      assert.equal(journey.called, 'sms email');
      assert.deepEqual(
        view.legs.map(({ state, reason }) => [state, reason]),
        [
          ['delivered', null],
          ['skipped', 'chain_succeeded'],
        ],
      );
    });

    test('delivery mode: when it does not arrive, the rest of the journey is not run, and the next leg starts', async (t) => {
      const journey = await openJourney(t, carom, () => ({
        '~j': { stages: [say('sms'), { wait: LONG }, say('email')] },
        '~next': say('whatsapp'),
      }));
      const id = await journey.trigger(DELIVERY, ['~j', '~next']);
      await journey.report(await journey.call('sms'), 'undelivered');
      await journey.report(await journey.call('whatsapp'), 'delivered');
      const view = await journey.ended(id);
      assert.equal(view.state, 'succeeded');
      assert.equal(journey.called, 'sms whatsapp');
      assert.match(stageStates(view), /^done skipped:\w+ skipped:\w+$/);
    });

    test('attempt mode: acceptance of the first message is success; refusal starts the next leg', async (t) => {
      const journey = await openJourney(t, carom, () => ({ '~j': { stages }, '~next': say('whatsapp') }));
      assert.equal((await journey.ended(await journey.trigger(ATTEMPT, ['~j', '~next']))).state, 'succeeded');
      assert.equal(journey.called, 'sms email');
      journey.answers['sms'] = [refuse];
      const view = await journey.ended(await journey.trigger(ATTEMPT, ['~j', '~next']));
      assert.equal(journey.called, 'sms email sms whatsapp');
      assert.deepEqual([view.state, view.legs[0]!.state, view.legs[1]!.state], ['succeeded', 'rejected', 'accepted']);
    });

    test('a later message that fails decides nothing', async (t) => {
      const journey = await openJourney(t, carom, () => ({ '~j': { stages }, '~next': say('whatsapp') }));
      journey.answers['email'] = [refuse];
      const id = await journey.trigger(DELIVERY, ['~j', '~next']);
      await journey.report(await journey.call('sms'), 'delivered');
      const view = await journey.ended(id);
      assert.deepEqual([view.state, journey.called], ['succeeded', 'sms email']);
      assert.deepEqual(messageStates(view), ['sms delivered', 'email rejected']);
    });
  });

  describe('in the middle', { concurrency: true }, () => {
    test('cancelling skips what has not run', async (t) => {
      const stages = [say('sms'), { wait: LONG }, say('email'), { wait: '1s' }];
      const journey = await openJourney(t, carom, () => ({ '~j': { stages } }));
      const id = await journey.trigger(ALL, ['~j']);
      await journey.untilStage(id, 1, 'waiting');
      const answer = await journey.api('POST', `transactions/${id}/cancel`);
      assert.equal(answer.status, 200);
      assert.equal(answer.body.state, 'cancelled');
      assert.equal(stageStates(answer.body), 'done skipped:cancelled skipped:cancelled skipped:cancelled');
      assert.equal(journey.called, 'sms');
    });

    test('pausing the campaign skips each message when its turn comes', async (t) => {
      const stages = [say('sms'), { wait: PAUSE }, say('email'), say('whatsapp')];
      const journey = await openJourney(t, carom, () => ({ '~j': { stages } }));
      const id = await journey.trigger(ALL, ['~j']);
      await journey.untilStage(id, 1, 'waiting');
      assert.equal((await journey.api('POST', 'campaigns/~j/pause')).status, 200);
      const view = await journey.ended(id);
      assert.deepEqual(messageStates(view), [
        'sms accepted',
        'none skipped:campaign_not_running',
        'none skipped:campaign_not_running',
      ]);
      assert.equal(journey.called, 'sms');
    });

    test('the TTL ends it: no stage runs after it', async (t) => {
      const stages = [say('sms'), { wait: LONG }, say('email')];
      const journey = await openJourney(t, carom, () => ({ '~j': { stages } }));
      const view = await journey.ended(await journey.trigger(ALL, ['~j'], { ttl: 1 }));
      assert.equal(view.state, 'expired');
      assert.equal(stageStates(view), 'done skipped:ttl_expired skipped:ttl_expired');
      assert.deepEqual([view.legs[0]!.state, journey.called], ['accepted', 'sms']);
    });

    test('a changed campaign does not change a journey under way', async (t) => {
      const stages = [say('sms'), { wait: PAUSE }, say('email', 'old')];
      const journey = await openJourney(t, carom, () => ({ '~j': { stages } }));
      const id = await journey.trigger(ALL, ['~j']);
      await journey.untilStage(id, 1, 'waiting');
      assert.equal((await journey.api('PATCH', 'campaigns/~j', { stages: [say('whatsapp', 'new')] })).status, 200);
      await journey.ended(id);
      assert.equal(journey.called, 'sms email');
      assert.equal(journey.calls[1]!.body.text, 'old');
    });
  });

  test('a wait survives a restart, and what it waited through is made up for at once', async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'carom-test-'));
    let own = await startCarom({ dataDir });
    t.after(async () => {
      await own.stop();
      await rm(dataDir, { recursive: true, force: true });
    });
    const stages = [say('sms'), { wait: '2s' }, say('email')];
    const journey = await openJourney(t, own, () => ({
      '~j': { stages },
      '~long': { stages: [...stages, { wait: LONG }, say('whatsapp')] },
    }));
    const ids = [await journey.trigger(ALL, ['~j']), await journey.trigger(ALL, ['~long'])];
    for (const id of ids) await journey.untilStage(id, 1, 'waiting');
    await own.stop();
    own = await startCarom({ dataDir });
    await journey.call('email', 1);
    const view = await own.ended(journey.account, ids[0]!);
    assert.equal(stageStates(view), 'done done done');
    const long = await own.transaction(journey.account, ids[1]!, (one) => one.legs[0].stages[3].state === 'waiting');
    assert.equal(long.state, 'running');
    assert.equal(journey.called, 'sms sms email email');
  });
});
