import assert from 'node:assert/strict';
import test from 'node:test';
import { WEBHOOK_PATIENCE_MS, WEBHOOK_PAUSES_MS, WEBHOOK_RETRY_AFTER_MAX_MS, judge } from './webhook-retry.ts';
import type { WebhookOutcome } from './webhook-retry.ts';

const NOW = 1_000_000;
const failed = (retryAfterMs: number | null = null): WebhookOutcome => ({
  kind: 'failed',
  status: 500,
  error: 'no',
  retryAfterMs,
});
const tried = (attempts: number) => ({ attempts, giveUpAt: NOW + WEBHOOK_PATIENCE_MS });

test('a success is delivered, a receiver that is gone is failed, whatever the attempt', () => {
  assert.deepEqual(judge({ kind: 'delivered', status: 200 }, tried(11), NOW, 0), { next: 'delivered' });
  assert.deepEqual(judge({ kind: 'gone', status: 410, error: '' }, tried(1), NOW, 0), { next: 'failed' });
});

test('each failure waits as the table says, a fifth less at most', () => {
  WEBHOOK_PAUSES_MS.forEach((pauseMs, index) => {
    for (const dice of [0, 0.5, 1]) {
      const dueAt = NOW + Math.round(pauseMs * (1 - 0.2 * dice));
      assert.deepEqual(judge(failed(), tried(index + 1), NOW, dice), { next: 'waiting', dueAt });
    }
  });
});

test('all pauses together fit into a day, and most of it', () => {
  const sum = WEBHOOK_PAUSES_MS.reduce((all, one) => all + one, 0);
  assert.ok(sum < WEBHOOK_PATIENCE_MS && sum > 0.9 * WEBHOOK_PATIENCE_MS);
});

test('the last attempt, and one whose next would come too late, are given up', () => {
  assert.deepEqual(judge(failed(), tried(WEBHOOK_PAUSES_MS.length + 1), NOW, 0), { next: 'failed' });
  assert.deepEqual(judge(failed(), { attempts: 1, giveUpAt: NOW + 5_000 }, NOW, 0), { next: 'failed' });
  assert.equal(judge(failed(), { attempts: 1, giveUpAt: NOW + 5_001 }, NOW, 0).next, 'waiting');
});

test('Retry-After is honoured, up to its bound, and never shortens a pause', () => {
  const dueAt = (retryAfterMs: number) => judge(failed(retryAfterMs), tried(1), NOW, 0);
  assert.deepEqual(dueAt(60_000), { next: 'waiting', dueAt: NOW + 60_000 });
  assert.deepEqual(dueAt(1), { next: 'waiting', dueAt: NOW + 5_000 });
  assert.deepEqual(dueAt(1e12), { next: 'waiting', dueAt: NOW + WEBHOOK_RETRY_AFTER_MAX_MS });
});
