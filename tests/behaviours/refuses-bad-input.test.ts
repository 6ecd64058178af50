/** What is not a good request gets an error that says so, in the shape of the API it was sent to, and leaves no trace. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { own, webengage } from '../support/languages.ts';
import type { Call, Language } from '../support/languages.ts';

const KEY = 'shop-key-of-these-tests';
const OTHER_KEY = 'other-key-of-these-tests';
const NESTED = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
const TEN_MEGABYTES = 10_000_000;
/** Too many legs, an id over 100 characters. */
const MANY = Array.from({ length: 200 }, (_, n) => `~c${n}`);
const LONG = 'x'.repeat(101);

let carom: Carom;

before(async () => {
  carom = await startCarom({ env: { CAROM_LOG_LEVEL: 'trace' } });
  for (const [account, key] of [
    ['shop', KEY],
    ['other', OTHER_KEY],
  ] as const) {
    const campaign = { channel: 'sms', provider: 'sms', body: 'Hi' };
    await carom.apply({
      account,
      defaultRegion: 'IN',
      keys: [{ id: 'main', key, scopes: ['trigger', 'read'] }],
      providers: [{ id: 'sms', channel: 'sms', type: 'sandbox' }],
      campaigns: [
        ...['~a', '~b', ...MANY].map((id) => ({ id, state: 'running', ...campaign })),
        ...['draft', 'paused', 'ended'].map((state) => ({ id: `~${state}`, state, ...campaign })),
      ],
    });
  }
});
after(() => carom.stop());

async function refuse(language: Language, bad: Call & { status?: number }): Promise<Answer> {
  const { method = 'POST', path = language.path, key = KEY, status = 400, ...rest } = bad;
  const answer = await carom.call(method, path, { key, ...rest });
  language.refused(answer, status);
  return answer;
}

for (const language of [webengage, own]) {
  const { good, naming } = language;
  const asJson = (changes?: object) => JSON.stringify(good(changes));
  /** The body with a piece of JSON as the value of its unknown-to-us part: the tokens. */
  const withToken = (token: string) =>
    language === own
      ? asJson().replace(/}$/, `,"token":${token}}`)
      : asJson({ overrideData: { context: { token: '@' } } }).replace('"@"', token);

  describe(language.name, () => {
    const cases: Record<string, (Call & { status?: number })[]> = {
      'semantics §5: a field of a wrong type is a 400': [
        ...[5, null, ['u'], {}, '', LONG].map((userId) => ({ body: good({ userId }) })),
        ...[7, '', LONG].map((txnId) => ({ body: good({ txnId }) })),
      ],
      'semantics §5: a missing field is a 400': [{ body: good({ userId: undefined }) }, { body: {} }],
      'semantics §3: a ttl that is not a whole number from 1 to 2592000 is a 400': [
        0,
        -1,
        1.5,
        '300',
        2_592_001,
        null,
        true,
        1e300,
        [],
      ].map((ttl) => ({ body: good({ ttl }) })),
      'semantics §2: a mode that does not exist, or none, is a 400': [
        naming(['~a'], 'both'),
        naming(['~a'], 'ALL'),
        naming(['~a'], ''),
      ],
      'semantics §2: the same campaign twice is a 400': [naming(['~a', '~b', '~a'])],
      'no campaign, and more than 100, are a 400': [naming([]), naming([''])].concat(naming(MANY)),
      'semantics §5: an unknown campaign is a 404, whatever stands before it': [
        { ...naming(['~a', '~nothing']), status: 404 },
        { ...naming(['~A']), status: 404 },
      ],
      'semantics §5: a paused, draft or ended campaign is a 412, whatever stands before it': [
        '~paused',
        '~draft',
        '~ended',
      ].map((id) => ({ ...naming(['~a', id]), status: 412 })),
      'a body of 10 MB is a 413': [
        { body: withToken(`{"a":"${'x'.repeat(TEN_MEGABYTES)}"}`), status: 413 },
        { body: 'x'.repeat(TEN_MEGABYTES), status: 413 },
      ],
      'broken JSON, an empty body, a scalar and a list are a 400': [
        ...['{"userId":', '', 'null', '5', '"u"', '[]', `${asJson()}}`, asJson().replaceAll('"', "'")].map((body) => ({
          body,
        })),
        {},
      ],
      'a body of another type than JSON is a 415': [
        'text/plain',
        'application/xml',
        'application/x-www-form-urlencoded',
        'json',
      ].map((type) => ({
        body: asJson(),
        headers: { 'content-type': type },
        status: 415,
      })),
      'a missing or wrong key is a 401': [
        ...[null, '', 'wrong', `${KEY}x`, KEY.toUpperCase()].map((key) => ({ body: good(), key, status: 401 })),
        { body: good(), key: null, headers: { authorization: `Basic ${KEY}` }, status: 401 },
        { body: 'x'.repeat(TEN_MEGABYTES), key: 'wrong', status: 401 },
      ],
      '__proto__ and constructor.prototype are a 400': [
        { body: withToken('{"__proto__":{"a":1}}') },
        { body: withToken('{"a":[{"constructor":{"prototype":1}}]}') },
        { body: asJson().replace('{', '{"__proto__":{},') },
      ],
      'U+0000 and half a surrogate pair, which cannot be stored, are a 400': [
        ...['\\u0000', '\\ud800', '\\uDC00', '\\ude00\\ud83d', '\\\\\\ud83d', '\\ud83dx'].map((text) => ({
          body: asJson({ userId: '@' }).replace('@', text),
        })),
        { body: withToken('{"\\u0000":1}') },
      ],
      'lists nested 100,000 deep are a 400': [{ body: withToken(NESTED) }, { body: NESTED }],
      'semantics §7: a bad birthDate or e-mail of a profile is a 400': [
        ...['1990-02-30', '21.05.1990', '1990-05-21T00:00:00Z', '', 5].map((birthDate) => ({ birthDate })),
        ...['nobody', 'a@b@c', 'a b@c.example', '', 5, `${'x'.repeat(250)}@c.example`].map((email) => ({ email })),
      ].map((profile) => ({
        body: good(language === own ? { profile } : { trackConfig: { eventName: 'e', updateUser: profile } }),
      })),
    };
    for (const [title, bads] of Object.entries(cases)) {
      test(title, async () => {
        for (const bad of bads) await refuse(language, bad);
      });
    }
  });
}

describe('the WebEngage dialect only', () => {
  const { good, path } = webengage;

  test('the account of another key, and one that does not exist, are a 404', async () => {
    for (const licence of ['other', 'nobody', 'Shop', '%20', 'x'.repeat(200)]) {
      const elsewhere = path.replace('shop', licence);
      await refuse(webengage, { path: elsewhere, body: good(), status: 404 });
      for (const endpoint of ['users', 'events']) {
        const body = { userId: 'u', eventName: 'e' };
        await refuse(webengage, { path: `/v1/accounts/${licence}/${endpoint}`, body, status: 404 });
      }
    }
  });

  test('a URL that cannot be decoded is a 400', async () => {
    for (const bad of ['%zz', '%f', '%ff', '%00', '%ED%A0%80']) {
      await refuse(webengage, { path: `/v2/accounts/${bad}/transaction?campaignIds=~a&mode=all`, body: good() });
      await refuse(webengage, { path: `/v2/accounts/shop/transaction?campaignIds=${bad}&mode=all`, body: good() });
      await refuse(webengage, { path: `/v2/accounts/shop/experiments/${bad}/transaction`, body: good() });
    }
  });

  test('a mode that is given twice is a 400, and so are gaps in campaignIds', async () => {
    const base = '/v2/accounts/shop/transaction';
    await refuse(webengage, { path: `${path}&mode=all`, body: good() });
    for (const ids of ['campaignIds=~a,', 'campaignIds=,', 'campaignIds=~a&campaignIds=', 'campaignIds=~a,~a']) {
      await refuse(webengage, { path: `${base}?${ids}&mode=all`, body: good() });
    }
  });

  test('the single-campaign endpoint refuses alike', async () => {
    const single = (campaign: string) => `/v2/accounts/shop/experiments/${campaign}/transaction`;
    for (const [campaign, status] of [
      ['~nothing', 404],
      ['~paused', 412],
    ] as const)
      await refuse(webengage, { path: single(campaign), body: good(), status });
    for (const changes of [{ ttl: 0 }, { ttl: null }, { userId: null }, { dedupe: {} }]) {
      await refuse(webengage, { path: single('~a'), body: good(changes) });
    }
  });

  test('a very long campaign or licence is refused', async () => {
    await refuse(webengage, { path: path.replace('~a', 'x'.repeat(10_000)), body: good(), status: 404 });
    await refuse(webengage, { path: path.replace('shop', 'x'.repeat(10_000)), body: good() });
  });

  test('another method and an unknown URL are a 404', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) await refuse(webengage, { method, status: 404 });
    await refuse(webengage, { path: '/v2/accounts/shop/nothing', body: good(), status: 404 });
  });

  test('what it calls its parts must have their types: overrideData, trackConfig, tokens', async () => {
    const bads = [
      ...[undefined, null, 'x', []].map((overrideData) => ({ overrideData })),
      ...[{ phone: 919_876_543_210 }, { email: {} }, { context: 'x' }, { context: { token: [] } }].map(
        (overrideData) => ({ overrideData }),
      ),
      ...['x', [], { eventName: 5 }, { eventName: '' }, { updateUser: 'x' }, { updateUser: { attributes: [] } }].map(
        (trackConfig) => ({ trackConfig }),
      ),
    ];
    for (const changes of bads) await refuse(webengage, { body: good(changes) });
  });

  test('users and events: wrong fields are a 400', async () => {
    const users = [
      { userId: LONG },
      { userId: 'u', email: 'nobody' },
      { userId: 'u', birthDate: '1990' },
      { userId: 'u', birthDate: '1990-05-21T00:00:00' },
      { userId: 'u', gender: 'm' },
      { userId: 'u', smsOptIn: 'no' },
      { userId: 'u', attributes: { [LONG]: 1 } },
      [],
    ];
    for (const body of users) await refuse(webengage, { path: '/v1/accounts/shop/users', body });
    const events = [
      { userId: 'u' },
      { userId: 'u', eventName: '' },
      { userId: 'u', eventName: 'e', eventTime: '2026-05-21' },
      { userId: 'u', eventName: 'e', eventData: [] },
    ];
    for (const body of events) await refuse(webengage, { path: '/v1/accounts/shop/events', body });
  });
});

describe('our own API only', () => {
  const { good } = own;

  test('a field it does not know is a 400 that names it', async () => {
    const { body } = await refuse(own, { body: good({ campaignIDs: ['~a'] }) });
    assert.match(body.detail, /campaignIDs/);
  });

  test('each fault has its place', async () => {
    const { body } = await refuse(own, { body: good({ track: { eventName: 5 } }) });
    assert.deepEqual(body.errors[0].path, ['track', 'eventName']);
  });

  test('semantics §11: a startAt that is no time with an offset, or more than 90 days ahead, is a 400', async () => {
    const tooFar = new Date(Date.now() + 90 * 86_400_000 + 60_000).toISOString();
    for (const startAt of ['tomorrow', '2026-05-21', '2026-05-21T10:00:00', '2026-02-30T10:00:00Z', 5, null, tooFar]) {
      await refuse(own, { body: good({ startAt }) });
    }
  });

  test('a URL that cannot be decoded is a 400', async () => {
    for (const bad of ['%zz', '%ff', 'a%00b']) {
      for (const path of [
        `/v1/profiles/${bad}`,
        `/v1/transactions/${bad}`,
        `/v1/transactions?userId=${bad}`,
        `/v1/events?eventName=${bad}`,
      ]) {
        await refuse(own, { method: 'GET', path });
      }
    }
  });

  test('a query parameter given twice, or misspelt, is a 400', async () => {
    const lists = [
      'transactions?state=failed&state=running',
      'transactions?state=lost',
      'transactions?since=a&since=b',
      'transactions?since=today',
    ];
    const pages = [
      'transactions?limit=0',
      'transactions?limit=201',
      'transactions?limit=1&limit=2',
      'transactions?cursor=a',
      'events?cursor=a&cursor=b',
    ];
    const others = [
      'events?userId=a&userId=b',
      'events?eventName=a&eventName=b',
      'stats?since=a&since=b',
      'stats?since=1999-01-01T00:00:00Z',
      'campaigns?state=lost',
    ];
    for (const path of [...lists, ...pages, ...others]) await refuse(own, { method: 'GET', path: `/v1/${path}` });
    for (const flag of ['1', 'True', 'yes', 'true&dryRun=true', '']) {
      await refuse(own, { path: `/v1/transactions?dryRun=${flag}`, body: good() });
    }
  });

  test('another account than the key’s is a 404; a very long id is refused', async () => {
    await refuse(own, { body: good(), headers: { 'carom-account': 'other' }, status: 404 });
    await refuse(own, { method: 'GET', path: '/v1/transactions?account=other', status: 404 });
    for (const id of [LONG, 'x'.repeat(10_000)]) {
      await refuse(own, { method: 'PUT', path: `/v1/profiles/${id}`, body: {} });
    }
  });

  test('profiles and events: wrong fields are a 400', async () => {
    const profiles = [
      { email: 'nobody' },
      { birthDate: '1990-13-01' },
      { consents: { pigeon: true } },
      { devices: [{ token: 'x' }] },
      { nickname: 'x' },
      [],
    ];
    for (const method of ['PUT', 'PATCH']) {
      for (const body of profiles) await refuse(own, { method, path: '/v1/profiles/u', body });
    }
    const events = [
      { userId: 'u' },
      { userId: '', eventName: 'e' },
      { userId: 'u', eventName: 'e', eventTime: 'now' },
      { userId: 'u', eventName: 'e', eventData: 5 },
    ];
    for (const body of events) await refuse(own, { path: '/v1/events', body });
    await refuse(own, { path: '/v1/events', body: `{"userId":"u","eventName":"e","eventData":${NESTED}}` });
  });

  test('another method and an unknown URL are a 404', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH']) await refuse(own, { method, status: 404 });
    await refuse(own, { method: 'GET', path: '/v1/nothing', status: 404 });
  });
});

test('a body that is not UTF-8 is a 400', async () => {
  for (const { path, good, refused } of [webengage, own]) {
    const body = Buffer.from(JSON.stringify(good({ userId: 'Zoë' })), 'latin1');
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    const answer = await fetch(carom.url + path, { method: 'POST', headers, body });
    refused({ status: answer.status, headers: answer.headers, body: await answer.json() }, 400);
  }
});

describe('after all of that', () => {
  test('semantics §5: no transaction, event or profile was written', async () => {
    for (const [account, key] of [
      ['shop', KEY],
      ['other', OTHER_KEY],
    ] as const) {
      for (const list of ['transactions', 'events']) {
        const { body } = await carom.call('GET', `/v1/${list}`, { key });
        assert.deepEqual(body.data, [], `${list} of ${account}`);
      }
      assert.equal((await carom.call('GET', '/v1/profiles/u', { key })).status, 404);
      assert.deepEqual((await carom.call('GET', '/v1/stats', { key })).body.totals, {});
    }
  });

  test('the node still works, for bodies just inside the limits too', async () => {
    const deep = `${'['.repeat(95)}${']'.repeat(95)}`;
    const body = JSON.stringify(own.good({ userId: 'after', txnId: 'é'.repeat(100) })).replace(
      /}$/,
      `,"token":{"a":${deep},"b":"\\\\u0000 \\ud83d\\ude00"}}`,
    );
    const answer = await carom.call('POST', '/v1/transactions', { key: KEY, body });
    assert.equal(answer.status, 202);
    assert.equal((await carom.ended('shop', answer.body.id)).state, 'completed');
  });

  test('no key is in the log', () => {
    assert.doesNotMatch(
      carom.output.replace(/^operator's key.*$/m, ''),
      new RegExp(`${KEY}|${OTHER_KEY}|${carom.adminKey}`, 'i'),
    );
    assert.doesNotMatch(carom.output, /"level":(50|60)/);
  });
});
