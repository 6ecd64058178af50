/** `carom suppressions`, and `carom providers test`. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { play, stubServer } from './stage.ts';
import type { Got, Reply } from './stage.ts';

async function ask(args: string[], answer: (got: Got) => Reply) {
  await using server = await stubServer(answer);
  const played = await play([...args, '--url', server.url]);
  return { ...played, got: server.got, requests: server.got.map(({ method, path }) => `${method} ${path}`) };
}

const ENTRY = {
  channel: 'email',
  address: 'ana@x.example',
  reason: 'complaint',
  at: '2026-05-21T10:00:00.000Z',
  providerId: 'mail',
  messageId: null,
};

describe('carom suppressions', () => {
  test('are listed as they are asked for', async () => {
    const { out, requests } = await ask(['suppressions', '--channel', 'email', '--limit', '7'], () => ({
      body: { data: [ENTRY, { ...ENTRY, providerId: null }], next: null },
    }));
    assert.deepEqual(requests, ['GET /v1/suppressions?channel=email&limit=7']);
    assert.match(
      out,
      /^since +channel +address +reason +provider\n2026-05-21T10:00:00\.000Z +email +ana@x\.example +complaint +mail\n/,
    );
    const none = await ask(['suppressions'], () => ({ body: { data: [], next: null } }));
    assert.equal(none.out, 'no address is suppressed\n');
  });

  test('are added and removed by channel and address', async () => {
    const added = await ask(['suppressions', 'add', 'sms', '+91 98765'], () => ({
      body: { ...ENTRY, channel: 'sms', address: '+9198765' },
    }));
    assert.deepEqual(added.requests, ['PUT /v1/suppressions/sms/%2B91%2098765']);
    assert.deepEqual(added.got[0]!.body, { reason: 'manual' });
    assert.equal(added.out, '+9198765 is suppressed on the channel sms\n');
    const removed = await ask(['suppressions', 'remove', 'email', 'a/b@x.example'], () => ({ status: 204 }));
    assert.deepEqual(removed.requests, ['DELETE /v1/suppressions/email/a%2Fb%40x.example']);
    assert.equal(removed.out, 'a/b@x.example may be written to again\n');
  });
});

describe('carom providers test', () => {
  const view = { id: 't-1', state: 'succeeded', createdAt: ENTRY.at, endedAt: ENTRY.at, legs: [], timeline: [] };

  test('says what was said, and follows the transaction', async () => {
    const args = [
      '--to',
      'ana',
      '--template',
      'hello',
      '--variable',
      'a',
      '--variable',
      'b',
      '--data',
      'k=v',
      '--json',
    ];
    const { out, got, requests, status } = await ask(['providers', 'test', 'a/b', ...args], () => ({ body: view }));
    assert.deepEqual(requests, ['POST /v1/providers/a%2Fb/test', 'GET /v1/transactions/t-1']);
    assert.deepEqual(got[0]!.body, { to: 'ana', data: { k: 'v' }, template: { name: 'hello', variables: ['a', 'b'] } });
    assert.deepEqual(JSON.parse(out), view);
    assert.equal(status, 0);
  });

  test('fails where the provider does', async () => {
    const { status, err } = await ask(['providers', 'test', 'sms', '--to', '1', '--json'], () => ({
      body: { ...view, state: 'failed' },
    }));
    assert.equal(status, 1);
    assert.match(err, /the transaction ended failed/);
  });
});
