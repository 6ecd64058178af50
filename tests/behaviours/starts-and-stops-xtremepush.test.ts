/** Xtremepush's start/campaign and stop/campaign. */
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';

let carom: Carom;

before(async () => {
  carom = await startCarom();
  await carom.apply({
    account: 'sport',
    keys: [
      { id: 'app', key: 'APP_TOKEN', scopes: ['trigger', 'read', 'admin'] },
      { id: 'reader', key: 'READ_TOKEN', scopes: ['read'] },
    ],
    providers: [{ id: 'sms', channel: 'sms', type: 'sandbox' }],
    campaigns: [{ id: 'push', state: 'running', channel: 'sms', provider: 'sms', body: 'x' }],
  });
});
after(() => carom.stop());

const ask = (model: string, call: object) =>
  carom.call('POST', `/api/external/${model}/campaign`, { key: null, body: { apptoken: 'APP_TOKEN', ...call } });

describe('start/campaign and stop/campaign', () => {
  const campaign = (id: string, fields: object) =>
    carom.call('PUT', `/v1/campaigns/${id}`, { body: { state: 'running', ...fields } });

  test('pause a campaign and start it again', async () => {
    await campaign('stoppable', { channel: 'sms', provider: 'sms', body: 'x' });
    const stopped = await ask('stop', { id: 'stoppable' });
    assert.deepEqual(stopped.body, { code: 200, success: true, model: { id: 'stoppable', state: 'paused' } });
    assert.match((await ask('execute', { id: 'stoppable', target: ['u'] })).body.message, /is paused; start it/);
    assert.deepEqual((await ask('start', { id: 'stoppable' })).body.model, { id: 'stoppable', state: 'running' });
    assert.equal((await ask('execute', { id: 'stoppable', target: ['u'] })).status, 200);
  });

  test('a journey that was stopped cannot be started again', async () => {
    const message = { channel: 'sms', provider: 'sms', body: 'x' };
    await campaign('stopped', { stages: [message, { wait: '1h' }, message] });
    assert.equal((await ask('stop', { id: 'stopped' })).body.model.state, 'ended');
    const { status, body } = await ask('start', { id: 'stopped' });
    assert.deepEqual([status, body.success], [400, false]);
    assert.match(body.message, /an end is for ever/);
  });

  test('want the scope admin, and a campaign', async () => {
    assert.equal((await ask('stop', { id: 'push', apptoken: 'READ_TOKEN' })).status, 403);
    assert.equal((await ask('start', { id: 'nothing' })).status, 404);
  });
});
