/** Semantics §12: the HTTP calls of journeys. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { fail, ignore, messageStates, openJourney, refuse, say } from '../support/journey.ts';

const ALL = 'all';

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

describe('semantics §12: a hook', { concurrency: true }, () => {
  test('and every message see all parameters of the trigger', async (t) => {
    const text = '{{ first_name }} {{ order }} {{ token.code }} {{ city }}';
    const journey = await openJourney(t, carom, (its) => ({
      '~j': {
        stages: [
          say('sms', text),
          { wait: '300ms' },
          {
            hook: {
              url: `${its.hookUrl('crm')}?user={{ user_id }}`,
              headers: { 'X-Txn': '{{ txn_id }}' },
              json: {
                text,
                order: '{{ order }}',
                token: '{{ token }}',
                message: '{{ message_id }}',
                campaign: '{{ campaign_id }}',
              },
            },
          },
          say('email', text),
        ],
      },
    }));
    const profile = { firstName: 'Ana', attributes: { city: 'Pune', order: 'none' } };
    assert.ok((await journey.api('PUT', 'profiles/ana', profile)).status < 300);
    const changes = { txnId: 'order-7', params: { order: { id: 7 } }, token: { code: '4711', deep: { a: [1] } } };
    const view = await journey.ended(await journey.trigger(ALL, ['~j'], changes));
    const [sms, email, crm] = [
      await journey.call('sms'),
      await journey.call('email'),
      await journey.call('crm?user=ana'),
    ];
    assert.equal(sms.body.text, email.body.text);
    assert.match(sms.body.text, /^Ana .* 4711 Pune$/);
    assert.equal(crm.headers['x-txn'], 'order-7');
    const hookId = view.legs[0]!.stages![2]!.hook!.id;
    assert.equal(crm.headers['idempotency-key'], hookId);
    assert.deepEqual(crm.body, {
      text: sms.body.text,
      order: { id: 7 },
      token: changes.token,
      message: hookId,
      campaign: '~j',
    });
  });

  test('is retried as it says, under one key', async (t) => {
    const journey = await openJourney(t, carom, (its) => ({
      '~j': {
        stages: [
          say('sms'),
          { hook: { url: its.hookUrl('crm'), retry: { attempts: 3, backoff: '20ms' } } },
          say('email'),
        ],
      },
    }));
    journey.answers['crm'] = [fail, fail, fail];
    const view = await journey.ended(await journey.trigger(ALL, ['~j']));
    assert.equal(journey.called, 'sms crm crm crm email');
    assert.equal(new Set(journey.calls.slice(1, 4).map(({ headers }) => headers['idempotency-key'])).size, 1);
    const { hook } = view.legs[0]!.stages![1]!;
    assert.deepEqual([hook!.state, hook!.attempts], ['rejected', 3]);
    assert.match(hook!.reason!, /^http_503/);
    assert.equal(view.state, 'completed');
  });

  test('that is refused for good is not retried, and the journey goes on', async (t) => {
    const journey = await openJourney(t, carom, (its) => ({
      '~j': { stages: [{ hook: { url: its.hookUrl('crm') } }, say('sms')] },
    }));
    journey.answers['crm'] = [refuse];
    const view = await journey.ended(await journey.trigger(ALL, ['~j']));
    assert.equal(journey.called, 'crm sms');
    assert.deepEqual([view.legs[0]!.state, view.legs[0]!.stages![0]!.hook!.state], ['accepted', 'rejected']);
  });

  test('that hangs is given up after its timeout, and the journey goes on', async (t) => {
    const journey = await openJourney(t, carom, (its) => ({
      '~j': {
        stages: [
          say('sms'),
          { hook: { url: its.hookUrl('crm'), timeout: '1s', retry: { attempts: 1 } } },
          say('email'),
        ],
      },
    }));
    journey.answers['crm'] = [ignore];
    const view = await journey.ended(await journey.trigger(ALL, ['~j']));
    const { hook } = view.legs[0]!.stages![1]!;
    assert.deepEqual([hook!.state, hook!.reason], ['unknown', 'timeout']);
    assert.deepEqual(messageStates(view), ['sms accepted', 'email accepted']);
  });

  test('reaches no private address unless the account may', async (t) => {
    const journey = await openJourney(t, carom, (its) => ({
      '~j': { stages: [say('sms'), { hook: { url: its.hookUrl('crm'), retry: { attempts: 1 } } }] },
    }));
    await carom.apply({ account: journey.account, privateNetwork: 'refuse' });
    const view = await journey.ended(await journey.trigger(ALL, ['~j']));
    const { hook } = view.legs[0]!.stages![1]!;
    assert.equal(hook!.state, 'rejected');
    assert.match(hook!.reason!, /private/);
    assert.equal(journey.called, 'sms');
  });

  test('does not give away what is in its headers', async (t) => {
    const headers = { Authorization: 'Bearer t0ken' };
    const journey = await openJourney(t, carom, (its) => ({
      '~j': { stages: [say('sms'), { hook: { url: its.hookUrl('crm'), headers } }] },
    }));
    const id = await journey.trigger(ALL, ['~j']);
    assert.equal((await journey.call('crm')).headers['authorization'], 'Bearer t0ken');
    const shown = [
      await journey.ended(id),
      (await journey.api('GET', 'campaigns')).body,
      (await journey.api('GET', 'manifest')).body,
      (await journey.api('POST', 'transactions?dryRun=true', { campaignIds: ['~j'], mode: ALL, userId: 'u' })).body,
    ];
    assert.doesNotMatch(JSON.stringify(shown), /t0ken/);
    assert.doesNotMatch(carom.output, /t0ken/);
  });
});
