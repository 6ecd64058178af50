/** Rate limits per account and API (semantics §9). */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';

let carom: Carom;

before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

/** An account of its own for a test, so that its buckets are full. */
async function account(id: string, limits: object): Promise<void> {
  const sms = { state: 'running', channel: 'sms', provider: 'sms', body: 'Hi' };
  await carom.apply({
    account: id,
    limits,
    keys: [{ id: 'main', key: `${id}-key`, scopes: ['trigger', 'read'] }],
    providers: [{ id: 'sms', channel: 'sms', type: 'sandbox', behave: 'rejected' }],
    campaigns: ['~a', '~b', '~c', '~d'].map((campaign) => ({ id: campaign, ...sms })),
  });
}

function trigger(id: string, changes: object = {}): Promise<Answer> {
  const body = { campaignIds: ['~a'], mode: 'all', userId: 'u', phone: '+919876540002', ...changes };
  return carom.call('POST', '/v1/transactions', { key: `${id}-key`, body });
}

function webengage(id: string, path = 'v2', endpoint = 'transaction?campaignIds=~a&mode=all'): Promise<Answer> {
  const body = { userId: 'u', overrideData: {}, eventName: 'e' };
  return carom.call('POST', `/${path}/accounts/${id}/${endpoint}`, { key: `${id}-key`, body });
}

async function countOf(id: string, list: string): Promise<number> {
  return (await carom.call('GET', `/v1/${list}`, { key: `${id}-key` })).body.data.length;
}

/** What is left, as the answer says. */
const left = ({ headers }: Answer) => Number(headers.get('x-ratelimit-remaining'));

describe('over the limit', () => {
  test('semantics §9: a request is a 429 with Retry-After, in the shape of its API, and nothing is accepted', async () => {
    await account('over', { transaction: '3/h' });
    for (const remaining of [2, 1, 0]) {
      const answer = await trigger('over');
      assert.deepEqual([answer.status, left(answer)], [202, remaining]);
    }
    const own = await trigger('over');
    assert.match(own.headers.get('content-type')!, /problem\+json/);
    assert.equal(own.body.code, 'rate_limited');
    const dialect = await webengage('over');
    assert.equal(dialect.body.response.status, 'error');
    const single = await webengage('over', 'v2', 'experiments/~a/transaction');
    for (const { status, headers } of [own, dialect, single]) {
      assert.equal(status, 429);
      // The next of 3 tokens in an hour is there after 20 minutes.
      const retryAfterS = Number(headers.get('retry-after'));
      assert.ok(retryAfterS > 1_190 && retryAfterS <= 1_200, String(retryAfterS));
      assert.equal(headers.get('x-ratelimit-limit'), '3');
      assert.equal(headers.get('x-ratelimit-remaining'), '0');
      assert.equal(headers.get('ratelimit-policy'), '"transaction";q=3;w=3600');
      assert.equal(headers.get('ratelimit'), `"transaction";r=0;t=${retryAfterS}`);
    }
    assert.equal(await countOf('over', 'transactions'), 3);
  });

  test('semantics §9: concurrent requests get no more than there is', async () => {
    await account('burst', { transaction: '10/h' });
    const answers = await Promise.all(Array.from({ length: 40 }, () => trigger('burst')));
    assert.equal(answers.filter(({ status }) => status === 202).length, 10);
    assert.equal(answers.filter(({ status }) => status === 429).length, 30);
    assert.equal(await countOf('burst', 'transactions'), 10);
  });

  test('semantics §9: after Retry-After there is a token again', async () => {
    await account('again', { transaction: '2/s' });
    const since = Date.now();
    const refused = await eventually(
      () => trigger('again'),
      ({ status }) => status === 429,
    );
    const retryAfterS = Number(refused.headers.get('retry-after'));
    assert.equal(retryAfterS, 1);
    await eventually(
      () => trigger('again'),
      ({ status }) => status === 202,
      retryAfterS * 1_000 + 500,
    );
    assert.ok(Date.now() - since < 5_000);
  });

  test('semantics §5: the limit comes before the body is looked at; without a valid key nothing is used up', async () => {
    await account('order', { transaction: '2/h' });
    for (const key of [null, 'wrong'])
      assert.equal((await carom.call('POST', '/v1/transactions', { key, body: {} })).status, 401);
    assert.deepEqual([(await trigger('order', { ttl: 0 })).status, (await trigger('order')).status], [400, 202]);
    assert.equal((await trigger('order', { ttl: 0 })).status, 429);
  });
});

describe('each API', () => {
  test('semantics §9: has its own bucket; without a limit there is none', async () => {
    await account('apis', { users: '1/m', events: '2/m' });
    const statuses = async (endpoint: string) => {
      const answers: number[] = [];
      while (answers.length < 3) answers.push((await webengage('apis', 'v1', endpoint)).status);
      return answers;
    };
    assert.deepEqual(await statuses('users'), [200, 429, 429]);
    assert.deepEqual(await statuses('events'), [200, 200, 429]);
    assert.equal(await countOf('apis', 'events'), 2);
    const free = await trigger('apis');
    assert.deepEqual([free.status, free.headers.get('x-ratelimit-limit')], [202, null]);
  });

  test('semantics §9: has one bucket per account', async () => {
    await account('mine', { transaction: '1/h' });
    await account('yours', { transaction: '1/h' });
    assert.equal((await trigger('mine')).status, 202);
    assert.equal((await trigger('mine')).status, 429);
    assert.equal((await trigger('yours')).status, 202);
  });
});

describe('every campaign triggered counts', () => {
  test('semantics §9: fallback legs use the bucket up, into debt, and are never refused', async () => {
    await account('debt', { transaction: '2/h' });
    const campaignIds = ['~a', '~b', '~c', '~d'];
    const first = await trigger('debt', { campaignIds, mode: 'fallback_on_attempt_failure' });
    assert.equal(left(first), 1);
    const { state, legs } = await carom.ended('debt', first.body.id);
    assert.deepEqual([state, legs.map((leg: { state: string }) => leg.state)], ['failed', Array(4).fill('rejected')]);
    const refused = await trigger('debt');
    assert.equal(refused.status, 429);
    // 4 of 2 are used: three tokens of half an hour each have to come back before there is one.
    const retryAfterS = Number(refused.headers.get('retry-after'));
    assert.ok(retryAfterS > 5_380 && retryAfterS <= 5_400, String(retryAfterS));
  });

  test('semantics §9: in mode all each leg counts', async () => {
    await account('all', { transaction: '10/h' });
    await trigger('all', { campaignIds: ['~a', '~b', '~c', '~d'] });
    assert.equal(left(await trigger('all')), 5);
  });

  test('semantics §9: a chain that succeeds at once counts once', async () => {
    await account('once', { transaction: '10/h' });
    const changes = { campaignIds: ['~a', '~b'], mode: 'fallback_on_attempt_failure', phone: '+919876540004' };
    const { body } = await trigger('once', changes);
    await carom.ended('once', body.id);
    // `behave` is for other numbers: this one is accepted and never heard of again.
    assert.equal(left(await trigger('once')), 8);
  });
});

describe('a changed limit', () => {
  test('semantics §9: takes effect within a second: a new one, a lower one, and none', async () => {
    const limitOf = (answer: Answer) => answer.headers.get('x-ratelimit-limit');
    await account('change', {});
    assert.equal(limitOf(await trigger('change')), null);
    await account('change', { transaction: '1000/s' });
    await eventually(
      () => trigger('change'),
      (answer) => limitOf(answer) === '1000',
      1_000,
    );
    await account('change', { transaction: '1/h' });
    await eventually(
      () => trigger('change'),
      ({ status }) => status === 429,
      1_000,
    );
    await account('change', {});
    await eventually(
      () => trigger('change'),
      ({ status }) => status === 202,
      1_000,
    );
  });

  test('semantics §9: that is higher lets an account go on which had used the lower one up', async () => {
    await account('higher', { transaction: '1/h' });
    await trigger('higher');
    assert.equal((await trigger('higher')).status, 429);
    await account('higher', { transaction: '1000/s' });
    await eventually(
      () => trigger('higher'),
      ({ status }) => status === 202,
      1_000,
    );
  });
});
