import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { drawTransaction } from './timeline.ts';
import type { LegView, MessageView, TransactionView } from './transaction-view.ts';

const at = (ms: number) => new Date(Date.parse('2026-05-21T10:00:00Z') + ms).toISOString();
const PLAIN = { colour: false, columns: 80 };

type Times = Partial<Record<'queued' | 'accepted' | 'delivered' | 'failed' | 'read', number>>;

function leg(
  position: number,
  state: string,
  times: Times | null = null,
  more: Partial<LegView & MessageView> = {},
): LegView {
  const when = (ms: number | undefined) => (ms === undefined ? null : at(ms));
  const message: MessageView = {
    id: `message-${position}`,
    stage: 0,
    state,
    reason: more.reason ?? null,
    attempts: 1,
    channel: more.channel ?? 'sms',
    provider: 'sms-demo',
    to: '+919876543210',
    late: more.late ?? false,
    queuedAt: when(times?.queued),
    acceptedAt: when(times?.accepted),
    deliveredAt: when(times?.delivered),
    failedAt: when(times?.failed),
    readAt: when(times?.read),
  };
  const messages = times === null ? [] : [message];
  return { position, campaignId: more.campaignId ?? `~leg-${position}`, state, reason: more.reason ?? null, messages };
}

function transaction(legs: LegView[], more: Partial<TransactionView> = {}): TransactionView {
  return {
    id: '019f3a1c-8a3f-7c1e-9d2a-3f0000000012',
    txnId: 'order-4711',
    userId: 'u-42',
    mode: 'fallback_on_delivery_failure',
    state: 'succeeded',
    late: false,
    ttl: null,
    startAt: at(0),
    expiresAt: null,
    createdAt: at(0),
    endedAt: at(100),
    legs,
    timeline: [],
    ...more,
  };
}

const barOf = (drawn: string, campaign = '~leg-0') => drawn.split('\n').find((line) => line.includes(campaign))!;

test('a chain whose first leg fails and whose second lands', () => {
  const view = transaction(
    [
      leg(0, 'undelivered', { queued: 0, accepted: 9, failed: 62 }, { channel: 'whatsapp', reason: 'handset_off' }),
      leg(1, 'delivered', { queued: 62, accepted: 66, delivered: 118 }),
      leg(2, 'skipped', null, { reason: 'chain_succeeded' }),
    ],
    {
      ttl: 300,
      expiresAt: at(300_000),
      endedAt: at(118),
      timeline: [
        { at: at(0), what: 'leg.triggered', leg: 0, message: null, detail: '~leg-0' },
        { at: at(62), what: 'receipt.undelivered', leg: 0, message: null, detail: 'handset_off' },
        { at: at(118), what: 'receipt.delivered', leg: 1, message: null, detail: null },
        { at: at(118), what: 'transaction.succeeded', leg: null, message: null, detail: null },
      ],
    },
  );
  assert.equal(
    drawTransaction(view, PLAIN),
    `
✓ succeeded after 118 ms
  transaction  019f3a1c-8a3f-7c1e-9d2a-3f0000000012
  txnId        order-4711
  user         u-42
  mode         fallback_on_delivery_failure
  ttl          300 s, until 2026-05-21 10:05:00 UTC

                     0 ms                   118 ms
  0 ~leg-0 whatsapp  ●─○────────────✕              undelivered 62 ms handset_off
  1 ~leg-1 sms                      ●○───────────✓ delivered 56 ms
  2 ~leg-2                                         skipped chain_succeeded

    +0 ms  0  leg.triggered          ~leg-0
   +62 ms  0  receipt.undelivered    handset_off
  +118 ms  1  receipt.delivered
  +118 ms     transaction.succeeded`.slice(1),
  );
});

describe('every state of a leg', () => {
  const cases: [state: string, times: Times | null, bar: RegExp, more?: Partial<LegView & MessageView>][] = [
    ['pending', null, /~leg-0 {5,}pending$/],
    ['queued', { queued: 0 }, / ●─+▸ queued$/],
    ['sending', { queued: 0 }, / ●─+▸ sending$/],
    ['unknown', { queued: 0, failed: 40 }, / ●─+\? +unknown 40 ms timeout$/, { reason: 'timeout' }],
    ['accepted', { queued: 0, accepted: 40 }, / ●─+○─+▸ accepted 40 ms$/],
    ['sent', { queued: 0, accepted: 40 }, / ●─+○─+▸ sent 40 ms$/],
    ['delivered', { queued: 0, accepted: 40, delivered: 80 }, / ●─+○─+✓ +delivered 80 ms$/],
    ['read', { queued: 0, accepted: 40, read: 100 }, / ●─+○─+✓ read 100 ms$/],
    ['rejected', { queued: 0, failed: 3 }, / ●─?✕ +rejected 3 ms invalid_number$/, { reason: 'invalid_number' }],
    ['undelivered', { queued: 0, accepted: 40, failed: 80 }, / ●─+○─+✕ +undelivered 80 ms$/, { reason: 'undelivered' }],
    ['unconfirmed', { queued: 0, accepted: 40, failed: 80 }, / ●─+○─+\? +unconfirmed 80 ms$/],
    ['skipped', null, /~leg-0 {5,}skipped no_address$/, { reason: 'no_address' }],
  ];
  for (const [state, times, bar, more] of cases) {
    test(state, () => {
      const view = transaction([leg(0, state, times, more)], { state: 'running', endedAt: null });
      assert.match(barOf(drawTransaction(view, PLAIN, Date.parse(at(100)))), bar);
    });
  }

  test('accepted, and nothing more is waited for', () => {
    assert.match(
      barOf(drawTransaction(transaction([leg(0, 'accepted', { queued: 0, accepted: 50 })]), PLAIN)),
      /●─+○ +accepted 50 ms$/,
    );
  });

  test('a late receipt leaves the failure visible', () => {
    const late = leg(0, 'delivered', { queued: 0, accepted: 10, failed: 40, delivered: 100 }, { late: true });
    const drawn = drawTransaction(transaction([late], { late: true }), PLAIN);
    assert.match(barOf(drawn), /●─+○─+✕─+✓ delivered late 100 ms$/);
    assert.match(drawn, /^✓ succeeded, late after 100 ms/);
  });
});

describe('every state of a transaction', () => {
  for (const [state, title] of [
    ['scheduled', /^· scheduled for 2026-05-21 10:00:00 UTC/],
    ['running', /^▸ running for 2\.5 s/],
    ['completed', /^✓ completed after 100 ms/],
    ['succeeded', /^✓ succeeded after 100 ms/],
    ['failed', /^✕ failed after 100 ms/],
    ['expired', /^✕ expired after 100 ms/],
    ['unconfirmed', /^\? unconfirmed after 100 ms/],
    ['cancelled', /^· cancelled after 100 ms/],
  ] as const) {
    test(state, () => {
      const endedAt = state === 'running' || state === 'scheduled' ? null : at(100);
      assert.match(
        drawTransaction(transaction([leg(0, 'pending')], { state, endedAt }), PLAIN, Date.parse(at(2_500))),
        title,
      );
    });
  }
});

describe('wherever it is drawn', () => {
  const long = 'x'.repeat(100);
  const legs = Array.from({ length: 12 }, (_, position) =>
    leg(
      position,
      'rejected',
      { queued: position, failed: position + 900_000 },
      { campaignId: `~${position}${long}`, channel: 'whatsapp', reason: long },
    ),
  );
  const timeline = [{ at: at(7_200_000), what: `message.${long}`, leg: 11, message: null, detail: long }];
  const view = transaction(legs, {
    txnId: long,
    userId: long,
    timeline,
    endedAt: at(7_200_000),
    ttl: 2_592_000,
    expiresAt: at(0),
  });

  for (const columns of [60, 80, 200]) {
    test(`no line is longer than ${columns}`, () => {
      const tooLong = drawTransaction(view, { colour: false, columns })
        .split('\n')
        .filter((line) => line.length > columns);
      assert.deepEqual(tooLong, []);
    });
  }

  test('ids are wrapped, so that they can be copied', () => {
    assert.ok(drawTransaction(view, PLAIN).replaceAll(/\n */g, '').includes(long));
  });

  test('colours change no character', () => {
    const coloured = drawTransaction(view, { colour: true, columns: 80 });
    assert.notEqual(coloured, drawTransaction(view, PLAIN));
    assert.equal(stripVTControlCharacters(coloured), drawTransaction(view, PLAIN));
  });

  test('ASCII is enough', () => {
    assert.match(drawTransaction(view, { ...PLAIN, ascii: true }), /^[\n\u0020-\u007e]+$/);
  });

  test('what comes from outside does not reach the terminal', () => {
    const wicked = '\u001b[2J\u0007\r\nroot';
    const drawn = drawTransaction(
      transaction([leg(0, 'rejected', { queued: 0, failed: 1 }, { campaignId: wicked, reason: wicked })], {
        userId: wicked,
      }),
      PLAIN,
    );
    assert.doesNotMatch(drawn, /[^\P{Cc}\n]/u);
    assert.match(drawn, /user {9} \[2J root\n/);
  });
});
