/** Legs with several messages and stages, drawn. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { drawTransaction } from './timeline.ts';
import type { EntryView, LegView, MessageView, PartView, TransactionView } from './transaction-view.ts';

const at = (ms: number) => new Date(Date.parse('2026-05-21T10:00:00Z') + ms).toISOString();
const PLAIN = { colour: false, columns: 90 };

function part(id: string, state: string, queued: number, more: Partial<PartView> = {}): PartView {
  return { id, state, reason: null, attempts: 1, queuedAt: at(queued), acceptedAt: null, failedAt: null, ...more };
}

function message(stage: number, channel: string, its: PartView, more: Partial<MessageView> = {}): MessageView {
  return { ...its, stage, channel, provider: 'p', to: 'x', late: false, deliveredAt: null, readAt: null, ...more };
}

function entry(ms: number, what: string, detail: string | null, id: string | null = null): EntryView {
  return { at: at(ms), what, leg: 0, message: id, detail };
}

function drawn(leg: LegView, more: Partial<TransactionView> = {}): string {
  const view: TransactionView = {
    id: '019f3a1c-8a3f-7c1e-9d2a-3f0000000012',
    txnId: 'order-4711',
    userId: 'u-42',
    mode: 'all',
    state: 'completed',
    late: false,
    ttl: null,
    startAt: at(0),
    expiresAt: null,
    createdAt: at(0),
    endedAt: at(1_000),
    legs: [leg],
    timeline: [],
    ...more,
  };
  return drawTransaction(view, PLAIN, Date.parse(at(1_000)))
    .split('\n')
    .slice(7)
    .join('\n');
}

test('a journey has a line for each message, wait and hook', () => {
  const leg: LegView = {
    position: 0,
    campaignId: '~welcome',
    state: 'undelivered',
    reason: 'handset_off',
    messages: [
      message(
        0,
        'whatsapp',
        part('m1', 'undelivered', 0, { reason: 'handset_off', acceptedAt: at(20), failedAt: at(80) }),
      ),
      message(2, 'sms', part('m2', 'delivered', 400, { acceptedAt: at(430) }), { deliveredAt: at(500) }),
    ],
    stages: [
      { position: 0, kind: 'message', state: 'done', reason: null, until: null },
      { position: 1, kind: 'wait', state: 'done', reason: null, wait: '400ms', until: null },
      { position: 2, kind: 'message', state: 'done', reason: null, until: null },
      {
        position: 3,
        kind: 'hook',
        state: 'done',
        reason: null,
        until: null,
        hook: part('h1', 'accepted', 520, { attempts: 3, acceptedAt: at(1_000), reason: 'http_500' }),
      },
      { position: 4, kind: 'message', state: 'skipped', reason: 'condition_false', until: null },
    ],
  };
  const timeline = [
    entry(0, 'stage.started', '0 message'),
    entry(0, 'stage.started', '1 wait'),
    entry(80, 'receipt.undelivered', 'handset_off', 'm1'),
    entry(1_000, 'hook.accepted', null, 'h1'),
  ];
  assert.equal(
    drawn(leg, { timeline }),
    `
                    0 ms                                 1 s
  0 ~welcome                                                 undelivered 80 ms handset_off
      0 whatsapp    ●○─✕                                     undelivered 80 ms handset_off
      1 wait 400ms  ●───────────────✓                        done
      2 sms                         ●○──✓                    delivered 100 ms
      3 hook                            ●──────────────────✓ called 480 ms (3 attempts)
      4 message                                              skipped condition_false

   +0 ms    0  stage.started        0 message
   +0 ms    0  stage.started        1 wait
  +80 ms  0.0  receipt.undelivered  whatsapp: handset_off
    +1 s  0.3  hook.accepted`.slice(1),
  );
});

test('messages on several channels have a line each', () => {
  const leg: LegView = {
    position: 0,
    campaignId: '~news',
    state: 'delivered',
    reason: null,
    messages: [
      message(0, 'sms', part('m1', 'rejected', 0, { reason: 'invalid_number', failedAt: at(40) })),
      message(0, 'email', part('m2', 'delivered', 0, { acceptedAt: at(500) }), { deliveredAt: at(700) }),
      message(0, 'push', part('m3', 'delivered', 0, { acceptedAt: at(500) }), { deliveredAt: at(1_000) }),
    ],
  };
  assert.equal(
    drawn(leg, { timeline: [entry(1_000, 'receipt.delivered', null, 'm2')] }),
    `
             0 ms                                        1 s
  0 ~news                                                    delivered 700 ms
      sms    ●─✕                                             rejected 40 ms invalid_number
      email  ●──────────────────────○────────✓               delivered 700 ms
      push   ●──────────────────────○──────────────────────✓ delivered 1 s

  +1 s  0  receipt.delivered  email`.slice(1),
  );
});

test('what is waited for goes on to the end, and says until when', () => {
  const leg: LegView = {
    position: 0,
    campaignId: '~welcome',
    state: 'accepted',
    reason: null,
    messages: [message(0, 'sms', part('m1', 'accepted', 0, { acceptedAt: at(20) }))],
    stages: [
      { position: 0, kind: 'message', state: 'done', reason: null, until: null },
      { position: 1, kind: 'wait', state: 'waiting', reason: null, wait: '1h', until: at(3_600_020) },
      {
        position: 2,
        kind: 'hook',
        state: 'pending',
        reason: null,
        until: null,
        hook: { ...part('h', 'pending', 0), queuedAt: null },
      },
    ],
  };
  const lines = drawn(leg, { state: 'running', endedAt: null, timeline: [entry(20, 'stage.started', '1 wait')] }).split(
    '\n',
  );
  assert.match(lines[2]!, / 0 sms +●○─+▸ accepted 20 ms$/);
  assert.match(lines[3]!, / 1 wait 1h +●─+▸ until 2026-05-21 11:00:00 UTC$/);
  assert.match(lines[4]!, / 2 hook +pending$/);
});
