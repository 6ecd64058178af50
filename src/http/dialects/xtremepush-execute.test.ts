import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Channel } from '#domain/campaign.ts';
import { createTwigTemplates } from '#templates/twig.ts';
import { startBreathing } from '../json-in-slices.ts';
import { Refusal } from '../refusal.ts';
import { executeCall } from './xtremepush-execute.ts';
import type { ExecuteCall } from './xtremepush-execute.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const templates = createTwigTemplates();

function read(fields: object, channels: Channel[] = ['sms', 'push', 'web_push', 'email']): Promise<ExecuteCall> {
  const body = { apptoken: 'key', id: 'c', target: ['u'], ...fields };
  return executeCall(body, { now: NOW, templates, breathe: startBreathing(), channels: new Set(channels) });
}

/** The errors of a call that is refused. */
async function faultsOf(fields: object, channels?: Channel[]): Promise<string[]> {
  const refusal = await read(fields, channels).then(
    () => assert.fail(`it is taken: ${JSON.stringify(fields)}`),
    (error: unknown) => error,
  );
  assert.ok(refusal instanceof Refusal && refusal.kind === 'invalid', String(refusal));
  return refusal.faults.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

async function refused(fields: object, fault: RegExp, channels?: Channel[]): Promise<void> {
  const faults = await faultsOf(fields, channels);
  assert.ok(
    faults.some((one) => fault.test(one)),
    `${faults.join('\n')} is not ${fault}`,
  );
}

const targetsOf = async (fields: object) => (await read(fields)).recipients;

describe('the users of a call', () => {
  test('are those of target and of target_with_params, each once, target first and in its order', async () => {
    const target = ['u2', 'u1', 7, 'u2', '7'];
    const target_with_params = { u1: { code: 'A' }, u3: { code: 'B' } };
    assert.deepEqual(await targetsOf({ target, target_with_params }), [
      { target: 'u2' },
      { target: 'u1', params: { code: 'A' } },
      { target: '7' },
      { target: 'u3', params: { code: 'B' } },
    ]);
  });

  test('may be given by target_with_params alone, with values of any kind; PHP’s empty lists are empty objects', async () => {
    const params = { a: null, b: [1, { c: false }], d: { e: 'f' } };
    const target_with_params = { u1: params, u2: [], u3: null };
    assert.deepEqual(await targetsOf({ target: undefined, target_with_params }), [
      { target: 'u1', params },
      { target: 'u2', params: {} },
      { target: 'u3', params: {} },
    ]);
    const { request, recipients } = await read({ params: [], target_with_params: [] });
    assert.deepEqual([request.params, recipients], [{}, [{ target: 'u' }]]);
  });

  test('that are none, no list, no object or no ids are refused', async () => {
    const nobody = [{ target: undefined }, { target: [] }, { target: null }, { target: [], target_with_params: {} }];
    for (const fields of nobody) await refused(fields, /^: names nobody/);
    for (const target of ['u', 5, true]) await refused({ target }, /^target: must be a list/);
    await refused({ target: { u: {} } }, /^target: must be a list; an object is target_with_params/);
    for (const target of [[null], [['u']], [{}], [true]])
      await refused({ target }, /^target.0: must be a text or a whole/);
    for (const target of [[1.5], [2 ** 53]]) await refused({ target }, /^target.0: .*write one of more than 15 digits/);
    for (const target of [[''], [' '], ['x'.repeat(101)]]) await refused({ target }, /^target.0: must have 1 to 100/);
    for (const target_with_params of ['u', 5, ['u'], { u: 'x' }, { u: ['x'] }, { u: 5 }]) {
      await refused({ target_with_params }, /^target_with_params(\.u)?: must be an object/);
    }
  });

  test('are at most 100,000', async () => {
    const target = Array.from({ length: 100_001 }, (_, n) => n);
    await refused({ target }, /^target: names 100001 users; at most 100000/);
    const target_with_params = Object.fromEntries(target.map((n) => [n + 10, {}]));
    await refused({ target_with_params }, /more than 100000 users/);
    const { recipients } = await read({ target: target.slice(1), target_with_params: { 5: { a: 1 } } });
    assert.equal(recipients.length, 100_000);
  });

  test('are named by what target_by says, and by internal or user id where it says nothing', async () => {
    const kinds = {
      user_id: 'user_id',
      external_id: 'user_id',
      email: 'email',
      mobile_number: 'phone',
      id: 'internal_id',
      profile_id: 'internal_id',
    };
    for (const [target_by, kind] of Object.entries(kinds)) {
      assert.equal((await read({ target_by })).request.targetKind, kind);
    }
    for (const target_by of [undefined, null]) {
      assert.equal((await read({ target_by })).request.targetKind, 'internal_or_user_id');
    }
    for (const target_by of ['token', 'USER_ID', '', 5, ['user_id'], '__proto__']) {
      await refused({ target_by }, /^target_by: must be one of user_id, external_id, email, mobile_number, id/);
    }
    await read({ target_by: 'email', target: [`${'x'.repeat(200)}@mail.example`] });
  });
});

describe('target_existing_only', () => {
  const target_with_params = {
    u1: { email: ' a@b.example ', mobile_number: 919876543210, email_subscription: 1, mobile_subscription: '0', x: 1 },
    u2: { email: '', mobile_number: null },
  };

  test('0 makes users, and gives them exactly the four fields', async () => {
    const { request, recipients } = await read({ target: undefined, target_existing_only: 0, target_with_params });
    assert.equal(request.unknownUsers, 'create');
    assert.deepEqual(recipients, [
      {
        target: 'u1',
        params: target_with_params.u1,
        email: 'a@b.example',
        phone: '919876543210',
        consents: { email: true, sms: false },
      },
      { target: 'u2', params: target_with_params.u2 },
    ]);
  });

  test('1, or nothing, does not, and writes nothing', async () => {
    for (const target_existing_only of [1, '1', true, undefined, null]) {
      const { request, recipients } = await read({ target: undefined, target_existing_only, target_with_params });
      assert.equal(request.unknownUsers, 'skip');
      assert.deepEqual(Object.keys(recipients[0]!), ['target', 'params']);
    }
  });

  test('0 wants users by their user id, and fields that can be written', async () => {
    const zero = { target_existing_only: 0 };
    for (const target_by of ['email', 'mobile_number', 'id'])
      await refused({ ...zero, target_by }, /^target_existing_only: /);
    for (const [fields, fault] of [
      [{ email: 'nobody' }, /^target_with_params.u1.email: is not an e-mail address/],
      [{ email: {} }, /^target_with_params.u1.email: must be a text/],
      [{ mobile_number: [] }, /^target_with_params.u1.mobile_number: must be a text/],
      [{ email_subscription: 'yes' }, /^target_with_params.u1.email_subscription: must be 0 or 1/],
      [{ mobile_subscription: 2 }, /^target_with_params.u1.mobile_subscription: must be 0 or 1/],
    ] as const) {
      await refused({ ...zero, target_with_params: { u1: fields } }, fault);
      await read({ target_with_params: { u1: fields } });
    }
    await refused({ target_existing_only: 2 }, /^target_existing_only: must be 0 or 1/);
  });
});

describe('the rest of a call', () => {
  test('is the campaign, in mode all and without a ttl, its params and its reference', async () => {
    const params = { external_message_id: 987_654_321, time: '10:30' };
    const { request } = await read({ id: 12_345, params });
    assert.deepEqual(request, {
      campaignIds: ['12345'],
      mode: 'all',
      ttl: null,
      startAt: null,
      params,
      overrides: null,
      reference: '987654321',
      targetKind: 'internal_or_user_id',
      unknownUsers: 'skip',
    });
    for (const id of [undefined, null, '', ' ']) await refused({ id }, /^id: is missing/);
    for (const id of [true, ['c'], {}]) await refused({ id }, /^id: must be a text/);
    await refused({ id: 'x'.repeat(101) }, /^id: has 101 characters/);
    for (const wrong of ['x', 5, ['x']]) await refused({ params: wrong }, /^params: must be an object/);
    await refused({ params: { external_message_id: {} } }, /^params.external_message_id: must be a text/);
    await refused({ params: { external_message_id: 'x'.repeat(101) } }, /^params.external_message_id: has 101/);
  });

  test('may name a time, up to 90 days ahead', async () => {
    const startAt = async (time: unknown) => (await read({ time })).request.startAt;
    assert.equal(await startAt('2026-01-01 12:00 UTC'), NOW + 12 * 3_600_000);
    assert.equal(await startAt('2021-01-01 12:00 UTC'), Date.parse('2021-01-01T12:00:00Z'));
    assert.equal(await startAt('2026-04-01 00:00 UTC'), NOW + 90 * 86_400_000);
    await refused({ time: '2026-04-01 00:01 UTC' }, /^time: is more than 90 days ahead/);
    for (const time of ['tomorrow', '2026-01-01 12:00', {}, true, '']) await refused({ time }, /^time: must be a time/);
  });

  test('is refused where it is not known or not supported, with what to do; all of it is named at once', async () => {
    await refused({ targets: ['u'] }, /^targets: is not known here; did you mean "target"\?/);
    await refused({ conditions: [] }, /^conditions: is not supported: name the users in target/);
    await refused({ push_icon: 'x' }, /^push_icon: is not supported/);
    await refused({ broadcast: 1 }, /^broadcast: is not supported/);
    await refused({ async: false }, /^async: must be left out/);
    await read({ broadcast: 0, encryption: '0', url_browser: false, async: true, page: null });
    const faults = await faultsOf({ target: 'u', target_by: 'x', time: 'x', foo: 1 });
    assert.deepEqual(
      faults.map((fault) => fault.split(':')[0]),
      ['foo', 'target_by', 'time', 'target'],
    );
  });

  test('names at most 20 faults', async () => {
    const target = Array.from({ length: 1_000 }, () => null);
    assert.equal((await faultsOf({ target })).length, 20);
  });
});
