/** What must not be written to any more: by receipts, by the API, on all nodes, and what chains make of it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { BY_REF, accept, acceptAs, held, openChain, states } from '../support/chain.ts';
import type { Chain, LegSetup } from '../support/chain.ts';
import { startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

const DELIVERY = 'fallback_on_delivery_failure';
/** A vendor of e-mails that says when an address is gone. */
const MAIL: LegSetup = {
  provider: { channel: 'email', receipt: { status: 'body.status', reason: 'body.reason', suppress: 'body.suppress' } },
  campaign: { channel: 'email', subject: 'Hello' },
};

let postgres: PostgresServer;
let one: Carom;
let other: Carom;
before(async () => {
  postgres = await startPostgres();
  const options = { databaseUrl: postgres.url, env: { CAROM_ADMIN_KEY: 'operator' } };
  [one, other] = await Promise.all([startCarom(options), startCarom(options)]);
});
after(async () => {
  await Promise.all([one.stop(), other.stop()]);
  await postgres.close();
});

function list(chain: Chain, query = ''): Promise<{ body: { data: Record<string, unknown>[]; next: string | null } }> {
  return one.call('GET', `/v1/suppressions?account=${chain.account}${query}`);
}

function pathOf(chain: Chain, channel: string, address: string): string {
  return `/v1/suppressions/${channel}/${encodeURIComponent(address)}?account=${chain.account}`;
}

describe('what receipts suppress', { concurrency: true }, () => {
  test('a hard bounce: the address is on the list before the vendor is answered, and nothing more goes there', async (t) => {
    const chain = await openChain(t, one, { mail: MAIL, sms: {} });
    const first = await chain.trigger(DELIVERY, { email: 'Ana@Shop.Example' });
    const mail = await chain.handover('mail');
    await chain.report(mail, 'undelivered', { suppress: 'hard_bounce', reason: 'no such user' });
    const { body } = await list(chain);
    const [entry] = body.data;
    assert.equal(body.data.length, 1);
    assert.ok(Date.parse(String(entry!['at'])));
    const { at: _at, ...rest } = entry!;
    const about = { providerId: 'mail', messageId: mail.messageId };
    assert.deepEqual(rest, { channel: 'email', address: 'ana@shop.example', reason: 'hard_bounce', ...about });
    await chain.report(await chain.handover('sms'), 'delivered');
    assert.equal(states(await chain.ended(first)), 'undelivered delivered');

    const second = await chain.trigger(DELIVERY, { email: 'ana@shop.EXAMPLE' });
    await chain.report(await chain.handover('sms', 1), 'delivered');
    assert.equal(states(await chain.ended(second)), 'skipped:suppressed delivered');
    assert.equal(chain.called, 'mail sms sms');
  });

  test('the next leg of the same address is skipped as well: the list is written before the receipt is told', async (t) => {
    const chain = await openChain(t, one, { mail: MAIL, again: MAIL });
    const id = await chain.trigger(DELIVERY, { email: 'gone@shop.example' });
    await chain.report(await chain.handover('mail'), 'undelivered', { suppress: 'hard_bounce' });
    assert.equal(states(await chain.ended(id)), 'undelivered skipped:suppressed');
  });

  test('a complaint that comes before the provider’s own answer finds the address all the same', async (t) => {
    const slow = held();
    const chain = await openChain(t, one, { mail: { ...MAIL, answers: [slow.answering] } });
    await chain.trigger(DELIVERY, { email: 'angry@shop.example' });
    await chain.report(await chain.handover('mail'), 'delivered', { suppress: 'complaint' });
    const { body } = await list(chain);
    assert.deepEqual(
      body.data.map(({ address, reason }) => [address, reason]),
      [['angry@shop.example', 'complaint']],
    );
    await slow.give(accept);
  });

  test('one that names its message by a reference nobody knows yet is parked with what it says', async (t) => {
    const slow = held();
    const provider = { channel: 'email', receipt: { ...BY_REF.receipt, suppress: 'body.suppress' } };
    const chain = await openChain(t, one, { mail: { ...MAIL, provider, answers: [slow.answering] } });
    const id = await chain.trigger(DELIVERY, { email: 'late@shop.example' });
    const { receiptUrl } = await chain.handover('mail');
    await chain.reportTo(receiptUrl.split('?')[0]!, { id: 'r-1', status: 'undelivered', suppress: 'hard_bounce' });
    assert.deepEqual((await list(chain)).body.data, []);
    await slow.give(acceptAs('r-1'));
    assert.equal(states(await chain.ended(id)), 'undelivered');
    const [entry] = (await list(chain)).body.data;
    assert.equal(entry?.['address'], 'late@shop.example');
  });

  test('a receipt for another account’s message suppresses nothing', async (t) => {
    const chain = await openChain(t, one, { mail: MAIL });
    const foreign = await openChain(t, one, { mail: MAIL });
    await chain.trigger(DELIVERY, { email: 'mine@shop.example' });
    await foreign.trigger(DELIVERY, { email: 'theirs@shop.example' });
    const [mine, theirs] = [await chain.handover('mail'), await foreign.handover('mail')];
    const url = mine.receiptUrl.replace(mine.messageId, theirs.messageId);
    await chain.callBack(url, { status: 'undelivered', suppress: 'hard_bounce' });
    assert.deepEqual((await list(chain)).body.data, []);
    assert.deepEqual((await list(foreign)).body.data, []);
  });
});

describe('the list', { concurrency: true }, () => {
  test('what one node suppresses, the other one skips within a second; what is removed is sent again', async (t) => {
    const chain = await openChain(t, one, { a: {} });
    const suppress = () => other.call('PUT', pathOf(chain, 'sms', '98765 43210'), { body: { reason: 'unsubscribed' } });
    // It has to hear of the account first.
    const put = await eventually(suppress, ({ status }) => status !== 404);
    assert.equal(put.status, 200, JSON.stringify(put.body));
    assert.equal(put.body.address, '+919876543210');
    assert.equal(put.body.providerId, null);
    const skipped = await eventually(
      async () => states(await chain.ended(await chain.trigger('all'))),
      (state) => state === 'skipped:suppressed',
      5_000,
    );
    assert.equal(skipped, 'skipped:suppressed');
    // From now on the list itself is asked: no node is late any more.
    const get = await one.call('GET', pathOf(chain, 'sms', '+919876543210'));
    assert.deepEqual(get.body, put.body);
    assert.equal((await other.call('DELETE', pathOf(chain, 'sms', '+919876543210'))).status, 204);
    const sent = await chain.trigger('all');
    assert.equal(states(await chain.ended(sent)), 'accepted');
    assert.equal((await one.call('DELETE', pathOf(chain, 'sms', '+919876543210'))).status, 404);
    assert.equal((await one.call('GET', pathOf(chain, 'sms', '+919876543210'))).status, 404);
  });

  test('a dry run says so', async (t) => {
    const chain = await openChain(t, one, { mail: MAIL });
    await one.call('PUT', pathOf(chain, 'email', 'no@shop.example'));
    const body = { campaignIds: ['~mail'], mode: 'all', userId: 'ana', email: 'no@shop.example' };
    const dry = await one.call('POST', `/v1/transactions?account=${chain.account}&dryRun=true`, { body });
    assert.match(JSON.stringify(dry.body.legs), /"suppressed"/);
  });

  test('page after page, newest first, narrowed to a channel or a reason', async (t) => {
    const chain = await openChain(t, one, { a: {} });
    for (const name of ['a', 'b', 'c']) await one.call('PUT', pathOf(chain, 'email', `${name}@shop.example`));
    await one.call('PUT', pathOf(chain, 'whatsapp', '+919876543210'), { body: { reason: 'complaint' } });
    const first = await list(chain, '&limit=2');
    const second = await list(chain, `&limit=2&cursor=${first.body.next}`);
    const addresses = [...first.body.data, ...second.body.data].map(({ address }) => address);
    assert.deepEqual(addresses, ['+919876543210', 'c@shop.example', 'b@shop.example', 'a@shop.example']);
    assert.equal(second.body.next, null);
    assert.equal((await list(chain, '&channel=email')).body.data.length, 3);
    assert.equal((await list(chain, '&reason=complaint')).body.data.length, 1);
  });

  test('what is no address, no channel, no reason or no cursor is refused with a remedy', async (t) => {
    const chain = await openChain(t, one, { a: {} });
    const refused = async (method: string, path: string, body?: object) => {
      const answer = await one.call(method, path, body && { body });
      return `${answer.status} ${answer.body.detail}`;
    };
    assert.match(await refused('PUT', pathOf(chain, 'email', 'nobody')), /^400 .*no address of the channel email/);
    assert.match(await refused('PUT', pathOf(chain, 'sms', '12')), /^400 .*no address of the channel sms/);
    assert.match(await refused('PUT', pathOf(chain, 'push', 't'.repeat(600))), /^400 /);
    assert.match(await refused('PUT', pathOf(chain, 'pigeon', 'x')), /^404 .*no channel "pigeon"; use one of sms/);
    assert.match(await refused('PUT', pathOf(chain, 'email', 'a@b.example'), { reason: 'mood' }), /^400 .*reason/);
    assert.match(await refused('GET', `/v1/suppressions?account=${chain.account}&cursor=x`), /^400 .*cursor/);
    assert.match(await refused('GET', `/v1/suppressions?account=${chain.account}&channel=x`), /^400 .*channel/);
  });

  test('keys need their scopes', async (t) => {
    const chain = await openChain(t, one, { a: {} });
    const make = async (scopes: string[]) =>
      (await one.call('POST', `/v1/keys?account=${chain.account}`, { body: { scopes } })).body.key as string;
    const [reader, trigger] = [await make(['read']), await make(['trigger'])];
    const address = pathOf(chain, 'email', 'a@shop.example');
    assert.equal((await one.call('PUT', address, { key: reader })).status, 403);
    assert.equal((await one.call('PUT', address, { key: trigger })).status, 200);
    assert.equal((await one.call('GET', address, { key: trigger })).status, 403);
    assert.equal((await one.call('GET', address, { key: reader })).status, 200);
    assert.equal((await one.call('DELETE', address, { key: trigger })).status, 204);
  });
});
