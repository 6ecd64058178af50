/** Trying a provider: one message through exactly that one, followed like any other, and nothing left behind. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { fail, openChain, refuse, states } from '../support/chain.ts';
import type { Chain } from '../support/chain.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const TO = '+919876543210';

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

function ask(chain: Chain, body: object, id = 'sms') {
  return carom.call('POST', `/v1/providers/${id}/test?account=${chain.account}`, { body });
}

/** `carom …`, as a shell runs it. */
async function shell(...args: string[]): Promise<{ status: number; out: string }> {
  const env = { PATH: process.env['PATH'], CAROM_URL: carom.url, CAROM_KEY: carom.adminKey };
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env }, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code) : 0, out: stdout + stderr });
    });
  });
}

describe('POST /v1/providers/{id}/test', { concurrency: true }, () => {
  test('the message goes out through that provider, and its receipt ends the transaction', async (t) => {
    const chain = await openChain(t, carom, { sms: {}, other: {} });
    const answer = await ask(chain, { to: '98765 43210', body: 'Does it work?' });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    assert.deepEqual(answer.body.campaignIds, ['test:sms']);
    const handover = await chain.handover('sms');
    assert.equal(handover.to, TO);
    assert.equal(handover.text, 'Does it work?');
    await chain.report(handover, 'delivered');
    const view = await chain.ended(answer.body.id);
    assert.equal(view.state, 'succeeded');
    assert.equal(view.legs[0]!.messages[0]!.provider, 'sms');
    assert.equal(chain.called, 'sms');
  });

  test('it is retried as its provider says, and tells why it failed', async (t) => {
    const provider = { retry: { attempts: 2, backoff: '10ms' } };
    const chain = await openChain(t, carom, { sms: { provider, answers: [fail, refuse] } });
    const view = await chain.ended((await ask(chain, { to: TO })).body.id);
    assert.equal(view.state, 'failed');
    assert.equal(chain.called, 'sms sms');
    assert.match(view.legs[0]!.messages[0]!.reason ?? '', /bad number/);
  });

  test('no campaign is made, and a campaign of that name is not used', async (t) => {
    const chain = await openChain(t, carom, { sms: {}, 'test:sms': {} });
    await carom.apply({
      account: chain.account,
      campaigns: [{ id: 'test:sms', state: 'paused', channel: 'sms', provider: 'sms', body: 'not this' }],
    });
    const list = () => carom.call('GET', `/v1/campaigns?account=${chain.account}`);
    const before = await list();
    await ask(chain, { to: TO, body: 'this' });
    assert.equal((await chain.handover('sms')).text, 'this');
    assert.deepEqual((await list()).body, before.body);
  });

  test('neither the night nor consent holds it back; a suppressed address does', async (t) => {
    const chain = await openChain(t, carom, { sms: {} });
    const quietHours = { from: '00:00', to: '23:59' };
    await carom.apply({ account: chain.account, consent: { sms: 'opt_in' }, quietHours });
    const sent = (await ask(chain, { to: TO })).body.id;
    await chain.report(await chain.handover('sms'), 'delivered');
    assert.equal((await chain.ended(sent)).state, 'succeeded');
    await carom.call('PUT', `/v1/suppressions/sms/${TO}?account=${chain.account}`);
    const kept = await chain.ended((await ask(chain, { to: TO })).body.id);
    assert.equal(states(kept), 'skipped:suppressed');
  });

  test('where nothing is reported, acceptance is the end', async (t) => {
    const chain = await openChain(t, carom, { sms: { provider: { receipts: 'none' } } });
    assert.equal((await chain.ended((await ask(chain, { to: TO })).body.id)).state, 'succeeded');
  });

  test('what every channel needs is filled in', async (t) => {
    const chain = await openChain(t, carom, { sms: {} });
    const channels = {
      email: 'ana@shop.example',
      push: 'token-1',
      web_push: '{"endpoint":"x"}',
      voice: TO,
      webhook: 'u-1',
    };
    const providers = Object.keys(channels).map((channel) => ({ id: channel, channel, type: 'sandbox' }));
    await carom.apply({ account: chain.account, providers });
    for (const [channel, to] of Object.entries(channels)) {
      const answer = await ask(chain, { to }, channel);
      assert.equal(answer.status, 202, JSON.stringify(answer.body));
      const view = await chain.ended(answer.body.id);
      assert.equal(view.state, 'succeeded');
      assert.equal(view.legs[0]!.messages[0]!.to, to);
    }
  });

  test('what is wrong is refused, with its place and a remedy', async (t) => {
    const chain = await openChain(t, carom, { sms: {} });
    const refused = async (body: object, id?: string) => {
      const answer = await ask(chain, body, id);
      return `${answer.status} ${answer.body.detail}`;
    };
    assert.match(await refused({}), /^400 to is missing; name the address/);
    assert.match(await refused({ to: TO, text: 'x' }), /^400 text is not known here/);
    assert.match(await refused({ to: TO, body: '{{ broken' }), /^400 body is no template/);
    assert.match(await refused({ to: TO, from: '?' }), /^400 from can be no sender/);
    assert.match(await refused({ to: TO, provider: 'other' }), /^400 provider is not known here/);
    assert.match(await refused({ to: TO }, 'nowhere'), /^404 there is no provider "nowhere"/);
    assert.match(await refused([TO]), /^400 /);
    const key = (await carom.call('POST', `/v1/keys?account=${chain.account}`, { body: { scopes: ['trigger'] } })).body
      .key;
    const answer = await carom.call('POST', `/v1/providers/sms/test`, { body: { to: TO }, key });
    assert.equal(answer.status, 403);
    assert.equal(chain.called, '');
  });
});

describe('carom providers test', { concurrency: true }, () => {
  test('draws what happens until it is delivered, and ends with 0', async (t) => {
    const chain = await openChain(t, carom, { sms: {} });
    const running = shell('providers', 'test', 'sms', '--to', TO, '--body', 'Hi', '--account', chain.account);
    await chain.report(await chain.handover('sms'), 'delivered');
    const { status, out } = await running;
    assert.equal(status, 0, out);
    assert.match(out, /succeeded/);
    assert.match(out, /message\.accepted[^]*delivered/);
  });

  test('ends with 1 when the provider refuses, and with 2 without an address', async (t) => {
    const chain = await openChain(t, carom, { sms: { answers: [refuse] } });
    const refused = await shell('providers', 'test', 'sms', '--to', TO, '--account', chain.account);
    assert.equal(refused.status, 1, refused.out);
    assert.match(refused.out, /bad number/);
    assert.equal((await shell('providers', 'test', 'sms')).status, 2);
  });
});
