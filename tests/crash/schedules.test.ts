/** What is scheduled starts in time also when the node is killed before: within a second of its time, or of the next start of a node. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { times } from '../support/acceptance.ts';
import { startMortalCarom } from '../support/mortal-carom.ts';
import type { MortalCarom } from '../support/mortal-carom.ts';

const EACH = 20;
/** Sooner than a node can be there again, and later than it usually is. */
const AHEAD_MS = { meanwhile: 500, later: 8_000 };
const LATE_MAX_MS = 1_000;

let mortal: MortalCarom;
before(async () => {
  mortal = await startMortalCarom();
  await mortal.carom.apply({
    account: 'shop',
    providers: [{ id: 'sms', channel: 'sms', type: 'sandbox' }],
    campaigns: [{ id: '~sms', state: 'running', channel: 'sms', provider: 'sms', body: 'hi' }],
  });
});
after(() => mortal.close());

test('semantics §11: kill -9 between the acceptance and the time of some', async () => {
  const asked = Object.values(AHEAD_MS).flatMap((aheadMs) => times(EACH, () => Date.now() + aheadMs));
  const accepted = await Promise.all(
    asked.map(async (startAt) => {
      const body = {
        campaignIds: ['~sms'],
        mode: 'all',
        userId: 'ana',
        phone: '+919876543210',
        startAt: new Date(startAt).toISOString(),
      };
      const answer = await mortal.carom.call('POST', '/v1/transactions?account=shop', { body });
      assert.deepEqual([answer.status, answer.body.state], [202, 'scheduled']);
      return { id: answer.body.id as string, startAt };
    }),
  );
  await mortal.killAndRestart();
  const serves = Date.now();
  for (const { id, startAt } of accepted) {
    const { legs, state } = await mortal.carom.ended('shop', id);
    assert.equal(state, 'completed');
    const lateMs = Date.parse(legs[0].messages[0].queuedAt) - Math.max(startAt, serves);
    assert.ok(lateMs < LATE_MAX_MS, `${lateMs} ms late`);
    assert.ok(Date.parse(legs[0].messages[0].queuedAt) >= startAt, 'too early');
  }
});
