/** Starting later, calling off, and pausing what others are waiting for (semantics §11). */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';

const DAY_MS = 86_400_000;
/** Time enough for a few calls before a start, on a busy machine. */
const SOON_MS = 1_500;
const DELIVERED = '+919876543210';
const SILENT = '+919876540004';
const ERROR = '+919876540008';

let carom: Carom;
let vendor: HttpVendor;

before(async () => {
  [carom, vendor] = await Promise.all([startCarom(), startVendor()]);
  const request = { url: `${vendor.url}/send`, json: { txn: '{{ txn_id }}' } };
  const receipt = { status: 'body.status' };
  await carom.apply({
    account: 'shop',
    keys: [{ id: 'main', key: 'shop-key', scopes: ['trigger', 'read', 'admin'] }],
    providers: [
      { id: 'sms', channel: 'sms', type: 'sandbox' },
      { id: 'vendor', channel: 'sms', type: 'http', request, receipt },
    ],
    campaigns: [
      ...['~a', '~b', '~c'].map((id) => campaign(id, 'sms')),
      { ...campaign('~retried', 'sms'), retry: { attempts: 3, backoff: '30s' } },
      campaign('~vendor', 'vendor'),
    ],
  });
});
after(() => Promise.all([carom.stop(), vendor.close()]));

/** A campaign as a manifest has it. */
function campaign(id: string, provider: string): object {
  return { id, state: 'running', channel: 'sms', provider, body: 'Hi' };
}

function api(method: string, path: string, body?: unknown): Promise<Answer> {
  return carom.call(method, `/v1/${path}`, { key: 'shop-key', body });
}

function create(changes: object = {}): Promise<Answer> {
  const mode = 'fallback_on_delivery_failure';
  return api('POST', 'transactions', { campaignIds: ['~a'], mode, userId: 'ana', phone: DELIVERED, ...changes });
}

function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}

interface LegView {
  state: string;
  reason: string | null;
  messages: { state: string; late: boolean; queuedAt: string }[];
}

/** `state reason` of each leg. */
function outcomes({ legs }: { legs: LegView[] }): string[] {
  return legs.map(({ state, reason }) => (reason === null ? state : `${state} ${reason}`));
}

/** A new transaction once its first leg is in this state. */
async function withFirstLeg(state: string, changes: object) {
  const { body } = await create(changes);
  return carom.transaction('shop', body.id, ({ legs }) => legs[0].state === state);
}

/** The vendor reports on the first leg, which has been handed to him. */
async function report(
  { legs }: { legs: { messages: { id: string }[] }[] },
  status: 'delivered' | 'undelivered',
): Promise<void> {
  const { receiptUrl } = (await api('GET', 'providers/vendor')).body;
  const path = `${new URL(receiptUrl).pathname}?message=${legs[0]!.messages[0]!.id}`;
  const answer = await carom.call('POST', path, { key: null, body: { status } });
  assert.equal(answer.status, 200);
}

async function eventsOf(userId: string): Promise<unknown[]> {
  return (await api('GET', `events?userId=${userId}`)).body.data;
}

describe('startAt', () => {
  test('semantics §11: in the past means now', async () => {
    for (const startAt of ['2020-01-01T00:00:00Z', inMs(-1)]) {
      const { body } = await create({ startAt });
      assert.deepEqual([body.state, body.startAt], ['running', body.createdAt]);
      assert.equal((await carom.ended('shop', body.id)).state, 'succeeded');
    }
  });

  test('semantics §11: may be 90 days ahead, and no more', async () => {
    const { status, body } = await create({ startAt: inMs(90 * DAY_MS - 60_000) });
    assert.deepEqual([status, body.state], [202, 'scheduled']);
    assert.equal((await create({ startAt: inMs(90 * DAY_MS + 60_000) })).status, 400);
  });

  test('semantics §11: is kept to within a second, with any offset', async () => {
    const at = Date.now() + SOON_MS;
    const inKolkata = new Date(at + 19_800_000).toISOString().replace('Z', '+05:30');
    const answers = await Promise.all(
      [...Array(20).fill(new Date(at).toISOString()), inKolkata].map((startAt) => create({ startAt })),
    );
    for (const { body } of answers) {
      assert.equal(body.startAt, new Date(at).toISOString());
      const { legs } = await carom.ended('shop', body.id);
      const lateMs = Date.parse(legs[0].messages[0].queuedAt) - at;
      assert.ok(lateMs >= 0 && lateMs < 1_000, `started after ${lateMs} ms`);
    }
  });

  test('semantics §3: the ttl counts from it', async () => {
    const startAt = inMs(DAY_MS);
    const { body } = await create({ startAt, ttl: 60 });
    assert.equal(Date.parse(body.expiresAt) - Date.parse(startAt), 60_000);
  });

  test('semantics §5: event and profile come when it has started, not before', async () => {
    const changes = { userId: 'later', startAt: inMs(SOON_MS), track: { eventName: 'e' }, profile: { firstName: 'L' } };
    const { body } = await create(changes);
    assert.deepEqual(await eventsOf('later'), []);
    assert.equal((await api('GET', 'profiles/later')).status, 404);
    await carom.ended('shop', body.id);
    await eventually(
      () => eventsOf('later'),
      ({ length }) => length === 1,
    );
    await eventually(
      () => api('GET', 'profiles/later'),
      ({ status }) => status === 200,
    );
  });

  test('semantics §11: a campaign that was paused meanwhile is skipped when its turn comes', async () => {
    await api('PUT', 'campaigns/~briefly', campaign('~briefly', 'sms'));
    const { body } = await create({ campaignIds: ['~briefly', '~a'], startAt: inMs(SOON_MS) });
    await api('POST', 'campaigns/~briefly/pause');
    assert.deepEqual(outcomes(await carom.ended('shop', body.id)), ['skipped campaign_not_running', 'delivered']);
  });
});

describe('cancelling', () => {
  test('semantics §11: before the start skips every leg; there is no event and no profile', async () => {
    const startAt = inMs(SOON_MS);
    const changes = {
      campaignIds: ['~vendor', '~a'],
      startAt,
      userId: 'off',
      track: { eventName: 'e' },
      profile: { firstName: 'O' },
    };
    const { body } = await create(changes);
    const cancelled = await api('POST', `transactions/${body.id}/cancel`);
    assert.deepEqual([cancelled.status, cancelled.body.state], [200, 'cancelled']);
    assert.deepEqual(outcomes(cancelled.body), ['skipped cancelled', 'skipped cancelled']);
    // One that was scheduled after it has started: it would have been seen by then.
    const { body: marker } = await create({ startAt: new Date(Date.parse(startAt) + 100).toISOString() });
    await carom.ended('shop', marker.id);
    assert.equal(vendor.calls.filter((call) => call.body.includes(body.txnId)).length, 0);
    assert.deepEqual(await eventsOf('off'), []);
    assert.equal((await api('GET', 'profiles/off')).status, 404);
    assert.equal((await api('GET', `transactions/${body.id}`)).body.state, 'cancelled');
  });

  test('semantics §11: in the middle of a chain skips what was not triggered, by id or txnId', async () => {
    const view = await withFirstLeg('accepted', { campaignIds: ['~a', '~b', '~c'], phone: SILENT, txnId: 'middle' });
    const { body } = await api('POST', 'transactions/middle/cancel');
    assert.deepEqual([body.id, body.state], [view.id, 'cancelled']);
    assert.deepEqual(outcomes(body), ['accepted', 'skipped cancelled', 'skipped cancelled']);
    assert.ok(body.endedAt);
  });

  test('semantics §11: a positive receipt after it is recorded, late; the transaction stays cancelled', async () => {
    const view = await withFirstLeg('accepted', { campaignIds: ['~vendor', '~a'] });
    await api('POST', `transactions/${view.id}/cancel`);
    await report(view, 'delivered');
    const after = (await api('GET', `transactions/${view.id}`)).body;
    assert.deepEqual(
      [after.state, after.late, outcomes(after)],
      ['cancelled', false, ['delivered', 'skipped cancelled']],
    );
    assert.equal(after.legs[0].messages[0].late, true);
  });

  test('semantics §11: stops retries', async () => {
    const { id } = await withFirstLeg('queued', { campaignIds: ['~retried'], mode: 'all', phone: ERROR });
    const { body } = await api('POST', `transactions/${id}/cancel`);
    assert.deepEqual([body.state, body.legs[0].state], ['cancelled', 'rejected']);
  });

  test('semantics §11: a send under way is recorded', async () => {
    const answering = vendor.answering;
    let answer = () => {};
    const called = new Promise<void>((resolve) => {
      vendor.answering = (response, call) => {
        answer = () => answering(response, call);
        resolve();
      };
    });
    const { body } = await create({ campaignIds: ['~vendor', '~a'] });
    await called;
    const cancelled = await api('POST', `transactions/${body.id}/cancel`);
    assert.deepEqual(outcomes(cancelled.body), ['sending', 'skipped cancelled']);
    answer();
    vendor.answering = answering;
    const view = await carom.transaction('shop', body.id, ({ legs }) => legs[0].state === 'accepted');
    assert.equal(view.state, 'cancelled');
  });

  test('of what has ended, or was cancelled before, is a 409', async () => {
    const { body } = await create();
    await carom.ended('shop', body.id);
    const late = await api('POST', `transactions/${body.id}/cancel`);
    assert.deepEqual([late.status, late.body.code], [409, 'conflict']);
    const { body: other } = await create({ startAt: inMs(DAY_MS) });
    const path = `transactions/${other.id}/cancel`;
    assert.deepEqual([(await api('POST', path)).status, (await api('POST', path)).status], [200, 409]);
  });

  test('of concurrent ones makes one transaction cancelled', async () => {
    const { body } = await create({ startAt: inMs(DAY_MS) });
    const answers = await Promise.all(Array.from({ length: 10 }, () => api('POST', `transactions/${body.id}/cancel`)));
    for (const { status } of answers) assert.ok(status === 200 || status === 409);
    const { timeline } = (await api('GET', `transactions/${body.id}`)).body;
    assert.equal(timeline.filter(({ what }: { what: string }) => what === 'transaction.cancelled').length, 1);
  });
});

describe('pausing, ending and removing a campaign', () => {
  const ENDINGS = {
    '~paused': () => api('POST', 'campaigns/~paused/pause'),
    '~ended': () => api('POST', 'campaigns/~ended/end'),
    '~removed': () => api('DELETE', 'campaigns/~removed'),
  };

  for (const [id, end] of Object.entries(ENDINGS)) {
    test(`semantics §11: ${id.slice(1)}: its untriggered legs are skipped, and chains move on`, async () => {
      await api('PUT', `campaigns/${id}`, campaign(id, 'sms'));
      const view = await withFirstLeg('accepted', { campaignIds: ['~vendor', id, '~a'] });
      const { status } = await end();
      assert.ok(status < 300, String(status));
      await report(view, 'undelivered');
      const after = await carom.ended('shop', view.id);
      assert.deepEqual(outcomes(after), ['undelivered undelivered', 'skipped campaign_not_running', 'delivered']);
      assert.equal(after.state, 'succeeded');
    });
  }

  test('semantics §11: what was started again in time is sent', async () => {
    await api('PUT', 'campaigns/~again', campaign('~again', 'sms'));
    const view = await withFirstLeg('accepted', { campaignIds: ['~vendor', '~again'] });
    await api('POST', 'campaigns/~again/pause');
    await api('POST', 'campaigns/~again/start');
    await report(view, 'undelivered');
    assert.deepEqual(outcomes(await carom.ended('shop', view.id)), ['undelivered undelivered', 'delivered']);
  });

  test('semantics §11: of the last leg ends the chain as failed', async () => {
    await api('PUT', 'campaigns/~last', campaign('~last', 'sms'));
    const view = await withFirstLeg('accepted', { campaignIds: ['~vendor', '~last'] });
    await api('POST', 'campaigns/~last/pause');
    await report(view, 'undelivered');
    assert.equal((await carom.ended('shop', view.id)).state, 'failed');
  });

  test('what was handed over is not taken back: its receipt still counts', async () => {
    await api('PUT', 'campaigns/~handed', campaign('~handed', 'vendor'));
    const view = await withFirstLeg('accepted', { campaignIds: ['~handed'] });
    await api('POST', 'campaigns/~handed/end');
    await report(view, 'delivered');
    assert.equal((await carom.ended('shop', view.id)).state, 'succeeded');
  });
});
