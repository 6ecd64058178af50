/** One call, many recipients: each gets his own transaction, and the batch says what became of all. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Answer, Carom } from '../support/carom.ts';
import { eventually, startCarom } from '../support/carom.ts';
import { held, ignore, openChain, refuse } from '../support/chain.ts';
import type { Chain, LegSetup } from '../support/chain.ts';
import { times } from '../support/acceptance.ts';

const PHONE = '+919876543210';

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

type Scope = Parameters<typeof openChain>[0];

/** A chain, and what tests do with its account's batches. */
async function scene(scope: Scope, legs: Record<string, LegSetup> = { sms: {} }) {
  const chain = await openChain(scope, carom, legs);
  const account = `account=${chain.account}`;
  const post = (changes: object, headers: Record<string, string> = {}): Promise<Answer> => {
    const body = { campaignIds: Object.keys(legs).map((leg) => `~${leg}`), ...changes };
    return carom.call('POST', `/v1/batches?${account}`, { body, headers });
  };
  const read = async (id: string, query = ''): Promise<Answer['body']> =>
    (await carom.call('GET', `/v1/batches/${id}?${account}${query}`)).body;
  return {
    chain,
    post,
    read,
    accepted: async (changes: object): Promise<string> => {
      const answer = await post(changes);
      assert.equal(answer.status, 202, JSON.stringify(answer.body));
      return answer.body.id as string;
    },
    turn: (id: string, verb: string) => carom.call('POST', `/v1/batches/${id}/${verb}?${account}`),
    until: (id: string, condition: (view: Answer['body']) => boolean) => eventually(() => read(id), condition),
    ended: (id: string) =>
      eventually(
        () => read(id, '&limit=200'),
        ({ endedAt }) => endedAt !== null,
      ),
    profile: async (userId: string, fields: object) => {
      const answer = await carom.call('PUT', `/v1/profiles/${userId}?${account}`, { body: fields });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
    },
  };
}

/** What the vendor was told to send, as `to: text`. */
function sent({ handovers }: Chain): string[] {
  return handovers.map(({ to, text }) => `${to}: ${text}`).toSorted();
}

const phoneOf = (index: number) => `+9198765${String(43_000 + index)}`;

test('each recipient gets his own transaction; his params win over the shared ones, those over the profile', async (t) => {
  const body = '{{ greeting }} {{ first_name }}, {{ city }}{{ nothing }}';
  const { chain, profile, accepted, ended } = await scene(t, { sms: { campaign: { body } } });
  await profile('ana', { firstName: 'Ana', phone: phoneOf(1), attributes: { city: 'Pune', greeting: 'Hi' } });
  await profile('bob', { firstName: 'Bob', phone: phoneOf(2), attributes: { city: 'Goa' } });
  const id = await accepted({
    params: { greeting: 'Hello', city: 'Delhi' },
    reference: 'spring',
    recipients: [{ userId: 'ana' }, { userId: 'bob', params: { city: 'Agra', first_name: 'Robert' } }],
  });
  const view = await ended(id);
  assert.deepEqual(sent(chain), [`${phoneOf(1)}: Hello Ana, Delhi`, `${phoneOf(2)}: Hello Robert, Agra`]);
  const { state, counts, total, reference, recipients, next } = view;
  assert.deepEqual({ state, total, reference, next }, { state: 'ended', total: 2, reference: 'spring', next: null });
  assert.deepEqual(
    { waiting: counts.waiting, completed: counts.completed, refused: counts.refused },
    { waiting: 0, completed: 2, refused: 0 },
  );
  assert.deepEqual(
    recipients.map(({ index, target, userId, state: its }: Record<string, unknown>) => [index, target, userId, its]),
    [
      [0, 'ana', 'ana', 'completed'],
      [1, 'bob', 'bob', 'completed'],
    ],
  );
  const transaction = await carom.transaction(chain.account, recipients[1].transactionId, () => true);
  assert.equal(transaction.txnId, `${id}:1`);
});

test('users are named by e-mail, phone, internal id or user id; whom nobody knows is reported', async (t) => {
  const { chain, profile, accepted, ended } = await scene(t);
  await profile('ana', { phone: '+91 98765-43001', email: 'Ana@x.org', internalId: 4711 });
  await profile('77', { phone: phoneOf(2) });
  const results = async (targetBy: string, targets: (string | number)[]) => {
    const recipients = targets.map((target) => ({ target }));
    const view = await ended(await accepted({ targetBy, unknownUsers: 'skip', recipients }));
    assert.equal(view.counts.refused + view.counts.completed, targets.length);
    return view.recipients.map(({ userId, reason }: Record<string, unknown>) => userId ?? reason);
  };
  assert.deepEqual(await results('email', ['ana@X.org', 'zoe@x.org', 'nonsense']), [
    'ana',
    'unknown_user',
    'unknown_user',
  ]);
  assert.deepEqual(await results('phone', ['098765 43001', '+919876543001', '1']), ['ana', 'ana', 'unknown_user']);
  assert.deepEqual(await results('internal_id', [4711, '77']), ['ana', 'unknown_user']);
  assert.deepEqual(await results('internal_or_user_id', ['4711', 77, 'zoe']), ['ana', '77', 'unknown_user']);
  assert.deepEqual(await results('user_id', ['ana', 77, 'zoe']), ['ana', '77', 'unknown_user']);
  assert.equal(chain.handovers.length, 8);
});

test('"create" writes exactly what was given with the recipient, to new and known users', async (t) => {
  const { chain, profile, accepted, ended } = await scene(t);
  await profile('ana', { firstName: 'Ana', phone: phoneOf(1), consents: { email: true } });
  await ended(
    await accepted({
      unknownUsers: 'create',
      recipients: [
        { userId: 'ana', email: 'ana@x.org', consents: { sms: true }, params: { secret: 1 } },
        { userId: 'new', phone: phoneOf(2), params: { firstName: 'Nobody' } },
      ],
    }),
  );
  const fields = async (userId: string) => {
    const { body } = await carom.call('GET', `/v1/profiles/${userId}?account=${chain.account}`);
    const { firstName, email, phone, attributes, consents } = body;
    return { firstName, email, phone, attributes, consents };
  };
  assert.deepEqual(await fields('ana'), {
    firstName: 'Ana',
    email: 'ana@x.org',
    phone: phoneOf(1),
    attributes: {},
    consents: {
      email: true,
      sms: true,
    },
  });
  assert.deepEqual(await fields('new'), {
    firstName: null,
    email: null,
    phone: phoneOf(2),
    attributes: {},
    consents: {},
  });
  assert.deepEqual(chain.handovers.map(({ to }) => to).toSorted(), [phoneOf(1), phoneOf(2)]);
});

test('without a word on unknown users everybody is sent to; a target named twice is two recipients', async (t) => {
  const { chain, accepted, ended } = await scene(t, { sms: { campaign: { body: '{{ order }}' } } });
  const view = await ended(
    await accepted({
      recipients: [
        { userId: 'zoe', phone: PHONE, params: { order: 'A' } },
        { userId: 'zoe', phone: PHONE, params: { order: 'B' } },
        { userId: 'nowhere' },
      ],
    }),
  );
  assert.deepEqual(sent(chain), [`${PHONE}: A`, `${PHONE}: B`]);
  assert.equal(view.counts.completed, 3);
  const nowhere = await carom.transaction(chain.account, view.recipients[2].transactionId, () => true);
  assert.equal(nowhere.legs[0].reason, 'no_address');
});

test('a thousand recipients: progress and results are read by page and by state', async (t) => {
  const { chain, post, read, ended } = await scene(t, { sms: {} });
  const answer = await post({
    mode: 'fallback_on_attempt_failure',
    recipients: times(1_000, (index) => ({
      userId: `u-${index}`,
      phone: index % 100 === 7 ? 'no number' : phoneOf(index),
    })),
  });
  assert.equal(answer.status, 202);
  assert.deepEqual([answer.body.state, answer.body.total], ['running', 1_000]);
  const { id } = answer.body;
  const view = await ended(id);
  assert.deepEqual([view.counts.succeeded, view.counts.failed], [990, 10]);
  assert.equal(chain.handovers.length, 990);
  assert.equal(new Set(chain.handovers.map(({ txnId }) => txnId)).size, 990);
  const failed = await read(id, '&state=failed&limit=7');
  const rest = await read(id, `&state=failed&limit=7&cursor=${failed.next}`);
  assert.deepEqual(
    [...failed.recipients, ...rest.recipients].map(({ index }) => index),
    times(10, (index) => index * 100 + 7),
  );
  assert.equal(rest.next, null);
  let [cursor, seen]: [string | null, number] = ['', 0];
  for (; cursor !== null; seen += 1) {
    const page: Answer['body'] = await read(id, `&limit=200${cursor && `&cursor=${cursor}`}`);
    assert.deepEqual(page.recipients[0].index, seen * 200);
    cursor = page.next;
  }
  assert.equal(seen, 5);
  const list = await carom.call('GET', `/v1/batches?account=${chain.account}`);
  assert.deepEqual(
    list.body.data.map((each: { id: string }) => each.id),
    [id],
  );
});

test('a paused batch sends nothing more until it is resumed', async (t) => {
  const waiting = held();
  const { chain, accepted, turn, until, ended } = await scene(t, {
    sms: { answers: [...times(128, () => waiting.answering), ignore], request: { timeout: '60s' } },
  });
  const recipients = times(3_000, (index) => ({ userId: `u-${index}`, phone: phoneOf(index) }));
  const id = await accepted({ recipients });
  await chain.handover('sms', 80);
  const paused = await turn(id, 'pause');
  assert.deepEqual([paused.status, paused.body.state], [200, 'paused']);
  // Its pages in hand are given back within about a second; from then on nothing is made.
  const still = await until(id, ({ state, counts }) => state === 'paused' && counts.running >= 80);
  assert(still.counts.waiting > 1_000);
  assert.equal((await turn(id, 'pause')).status, 200, 'it is paused already');
  const resumed = await turn(id, 'resume');
  assert.deepEqual([resumed.status, resumed.body.state], [200, 'running']);
  const cancelled = await turn(id, 'cancel');
  assert.deepEqual([cancelled.status, cancelled.body.state], [200, 'cancelled']);
  const end = await ended(id);
  assert.deepEqual([end.state, end.counts.cancelled, end.counts.waiting], ['cancelled', 3_000, 0]);
  assert.equal((await turn(id, 'resume')).status, 409);
});

test('a scheduled batch waits for its time, and can be cancelled before', async (t) => {
  const { chain, post, turn, ended } = await scene(t);
  const startAt = new Date(Date.now() + 1_500).toISOString();
  const soon = await post({ startAt, recipients: [{ userId: 'ana', phone: PHONE }] });
  assert.equal(soon.body.state, 'scheduled');
  const late = await post({ startAt: '2026-05-21T10:00:00Z', recipients: [{ userId: 'bob', phone: PHONE }] });
  assert.equal(late.body.state, 'running', 'a time in the past is now');
  const never = await post({
    startAt: new Date(Date.now() + 3_600_000).toISOString(),
    recipients: [{ userId: 'eve', phone: PHONE }],
  });
  assert.equal((await turn(never.body.id, 'cancel')).body.state, 'cancelled');
  assert.equal((await ended(never.body.id)).counts.cancelled, 1);
  await ended(late.body.id);
  const view = await ended(soon.body.id);
  assert.equal(view.counts.completed, 1);
  const handover = await chain.handover('sms', 1);
  assert(handover.at >= Date.parse(startAt) && handover.at < Date.parse(startAt) + 1_000);
});

test('a repeat under the same Idempotency-Key makes nothing; another call under it is a 409', async (t) => {
  const { chain, post, ended } = await scene(t);
  const call = { recipients: [{ userId: 'ana', phone: PHONE }] };
  const headers = { 'idempotency-key': 'spring-1' };
  const answers = await Promise.all(times(5, () => post(call, headers)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
  assert.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1);
  const replayed = answers.filter((answer) => answer.headers.get('idempotent-replayed') === 'true');
  assert.equal(replayed.length, 4);
  await ended(answers[0]!.body.id);
  assert.equal(chain.handovers.length, 1);
  const other = await post({ recipients: [{ userId: 'bob', phone: PHONE }] }, headers);
  assert.deepEqual([other.status, other.body.code], [409, 'conflict']);
});

test('the versions and the campaigns are those of the acceptance; one that is paused since stops its own legs alone', async (t) => {
  const { chain, post, ended } = await scene(t, { sms: {}, mail: {} });
  const startAt = new Date(Date.now() + 1_000).toISOString();
  const mode = 'fallback_on_attempt_failure';
  const { body } = await post({ startAt, mode, recipients: [{ userId: 'ana', phone: PHONE }] });
  await chain.tell('sms', 'pause');
  const changed = await carom.call('PATCH', `/v1/campaigns/~mail?account=${chain.account}`, {
    body: { body: 'changed' },
  });
  assert.equal(changed.status, 200);
  assert.equal((await ended(body.id)).counts.succeeded, 1);
  assert.equal(chain.called, 'mail');
  assert.equal(chain.handovers[0]!.text, 'hello from mail');
});

test('the TTL counts from the acceptance: who comes too late is refused', async (t) => {
  const { chain, accepted, turn, ended } = await scene(t, { sms: { answers: [refuse] } });
  const recipients = [{ userId: 'ana', phone: PHONE }];
  const startAt = new Date(Date.now() + 1_000).toISOString();
  const id = await accepted({ ttl: 1, startAt, recipients });
  assert.equal((await turn(id, 'pause')).status, 200);
  await eventually(
    async () => Date.now(),
    (now) => now > Date.parse(startAt) + 1_000,
  );
  await turn(id, 'resume');
  const view = await ended(id);
  assert.deepEqual([view.counts.refused, view.recipients[0].reason], [1, 'ttl_expired']);
  assert.equal(chain.handovers.length, 0);
});

test('semantics §9: a call takes one token of the limit for batches, however many it is for', async (t) => {
  const { chain, post } = await scene(t);
  await carom.apply({ account: chain.account, limits: { batches: '2/h' } });
  const call = { recipients: times(50, (index) => ({ userId: `u-${index}`, phone: phoneOf(index) })) };
  const answers = [await post(call), await post(call), await post(call)];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [202, 202, 429],
  );
  assert.equal((await carom.call('GET', `/v1/batches?account=${chain.account}`)).body.data.length, 2);
});

test('bad calls are refused whole, with what is wrong and where', async (t) => {
  const { chain, post, turn } = await scene(t);
  const one = { userId: 'ana', phone: PHONE };
  const refusals: [changes: object, status: number, detail: RegExp][] = [
    [{ recipients: [] }, 400, /recipients is empty/],
    [{ recipients: times(200_000, () => ({ userId: 'u' })) }, 400, /200000 entries; at most 100000/],
    [{ recipients: [one, { phone: PHONE }] }, 400, /recipients\[1\]\.target is missing/],
    [{ recipients: [one, 'bob'] }, 400, /recipients\[1\] must be an object/],
    [{ recipients: [{ userId: '' }] }, 400, /recipients\[0\]: its target must have 1 to 100 characters/],
    [{ recipients: [{ ...one, name: 'Ana' }] }, 400, /recipients\[0\]\.name is not known; the fields are userId/],
    [{ recipients: [{ ...one, email: 'nonsense' }] }, 400, /recipients\[0\]: its email is not an e-mail address/],
    [{ recipients: [{ ...one, params: { x: 'x'.repeat(20_000) } }] }, 400, /recipients\[0\]: it has \d+ characters/],
    [{ recipients: [{ ...one, params: { x: 'x'.repeat(1_000_000) } }] }, 400, /more than 131072 characters/],
    [{ recipients: [one], params: { x: 'x'.repeat(1_000_000) } }, 400, /"params"|"x"|more than 131072 characters/],
    [{ recipients: [one], targetBy: 'shoe_size' }, 400, /targetBy/],
    [{ recipients: [one], ttl: 0 }, 400, /ttl must be a whole number/],
    [{ recipients: [one], startAt: 'tomorrow' }, 400, /startAt must be an ISO-8601 time/],
    [{ recipients: [one], campaignIds: ['~none'] }, 404, /campaign "~none" does not exist/],
    [
      { recipients: [{ ...one, consents: { sms: true } }] },
      400,
      /consents are written only with "unknownUsers": "create"/,
    ],
    [{ recipients: [one], targetBy: 'email' }, 400, /userId is the target itself/],
  ];
  for (const [changes, status, detail] of refusals) {
    const answer = await post(changes);
    assert.equal(answer.status, status, `${detail}: ${JSON.stringify(answer.body).slice(0, 300)}`);
    assert.match(answer.body.detail, detail);
  }
  await chain.tell('sms', 'pause');
  assert.equal((await post({ recipients: [one] })).status, 412);
  assert.equal((await carom.call('GET', `/v1/batches/nonsense?account=${chain.account}`)).status, 404);
  assert.equal((await turn('nonsense', 'cancel')).status, 404);
  assert.deepEqual((await carom.call('GET', `/v1/batches?account=${chain.account}`)).body.data, []);
  assert.equal(chain.handovers.length, 0);
});
