/** What a request may not say (semantics §2, §3, §4, §11). */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { CAMPAIGNS_MAX, ID_LENGTH_MAX, NOTHING_MORE, SCHEDULE_AHEAD_MAX_MS, TTL_MAX_S, faultOf } from './request.ts';
import type { TransactionRequest } from './request.ts';

const NOW = Date.UTC(2026, 0, 1);
const GOOD: TransactionRequest = {
  ...NOTHING_MORE,
  campaignIds: ['a', 'b'],
  mode: 'all',
  userId: 'u1',
};
const long = 'x'.repeat(ID_LENGTH_MAX);

describe('a request’s faults', () => {
  const CASES: [name: string, given: Partial<TransactionRequest>, fault: RegExp | null][] = [
    ['nothing', {}, null],
    ['no campaign', { campaignIds: [] }, /^campaignIds is missing/],
    ['a campaign twice (§2)', { campaignIds: ['a', 'b', 'a'] }, /"a" twice/],
    ['as many campaigns as allowed', { campaignIds: Array.from({ length: CAMPAIGNS_MAX }, (_, n) => `c${n}`) }, null],
    ['one more', { campaignIds: Array.from({ length: CAMPAIGNS_MAX + 1 }, (_, n) => `c${n}`) }, /at most 100/],
    ['ttl 1 (§3)', { ttl: 1 }, null],
    ['ttl 30 days', { ttl: TTL_MAX_S }, null],
    ['ttl 0', { ttl: 0 }, /^ttl must be/],
    ['ttl below 0', { ttl: -1 }, /^ttl must be/],
    ['ttl above 30 days', { ttl: 2_592_001 }, /^ttl must be/],
    ['a ttl with a fraction', { ttl: 1.5 }, /^ttl must be/],
    ['ttl not a number', { ttl: Number.NaN }, /^ttl must be/],
    ['no user', { userId: '' }, /^userId must have/],
    ['a long userId', { userId: long }, null],
    ['a longer one', { userId: `${long}x` }, /^userId must have/],
    ['an empty txnId (§4)', { txnId: '' }, /^txnId must have/],
    ['a long txnId', { txnId: long }, null],
    ['a longer txnId', { txnId: `${long}x` }, /^txnId must have/],
    ['startAt in the past (§11)', { startAt: 0 }, null],
    ['startAt in 90 days', { startAt: NOW + SCHEDULE_AHEAD_MAX_MS }, null],
    ['startAt later', { startAt: NOW + SCHEDULE_AHEAD_MAX_MS + 1 }, /90 days/],
  ];
  for (const [name, given, fault] of CASES) {
    test(name, () => {
      const said = faultOf({ ...GOOD, ...given }, NOW);
      if (fault === null) assert.equal(said, null);
      else assert.match(String(said), fault);
    });
  }
});
