/** The legs of a transaction as bars over one axis of time: `0 ~abc123 whatsapp  ●─○───✕ undelivered 62 ms`. */
import { clean, fill, widthOf } from './cells.ts';
import { paint, sign, toneOf } from './paint.ts';
import type { Style, Tone } from './paint.ts';
import { span } from './span.ts';
import { hasEnded } from './transaction-view.ts';
import type { LegView, TransactionView } from './transaction-view.ts';

/** Widths, in characters. */
const CAMPAIGN_MAX = 20;
const CHANNEL_MAX = 8;
const OUTCOME_MAX = 34;
const BAR_MIN = 8;
const BAR_MAX = 48;

/** From when to when the bars go, in ms since 1970. */
interface Axis {
  from: number;
  to: number;
}

/** The axis, and one line per leg. @param now where the bars of legs that still run end. */
export function drawLegs(view: TransactionView, style: Style, now: number): string[] {
  const { legs } = view;
  const campaignWidth = Math.min(CAMPAIGN_MAX, widest(legs.map(({ campaignId }) => clean(campaignId))));
  const channelWidth = Math.min(CHANNEL_MAX, widest(legs.map(channelOf)));
  const positionWidth = String(legs.length - 1).length;
  const labelWidth = 2 + positionWidth + 1 + campaignWidth + 1 + channelWidth + 2;
  const room = style.columns - labelWidth - 1;
  const outcomeWidth = Math.min(OUTCOME_MAX, widest(legs.map(outcomeOf)), Math.max(BAR_MIN, room - BAR_MIN));
  const barWidth = Math.min(BAR_MAX, Math.max(BAR_MIN, room - outcomeWidth));
  const axis = axisOf(view, now);
  const lines = legs.map((leg) => {
    const position = String(leg.position).padStart(positionWidth);
    const label = `  ${position} ${fill(leg.campaignId, campaignWidth, style)} ${fill(channelOf(leg), channelWidth, style)}  `;
    const outcome = fill(outcomeOf(leg), outcomeWidth, style).trimEnd();
    return `${label}${bar(leg, axis, barWidth, !hasEnded(view), style)} ${paint(outcome, toneOf(leg.state), style)}`;
  });
  return [paint(' '.repeat(labelWidth) + scale(axis, barWidth), 'quiet', style), ...lines];
}

/** `0 ms      118 ms`, as wide as the bars. */
function scale(axis: Axis, width: number): string {
  const end = span(axis.to - axis.from);
  return end.length + 6 > width ? end.padStart(width) : `0 ms${end.padStart(width - 4)}`;
}

function widest(texts: string[]): number {
  return Math.max(0, ...texts.map(widthOf));
}

function channelOf({ messages }: LegView): string {
  return messages.at(-1)?.channel ?? '';
}

/** The state, how long it took, and why: `undelivered 62 ms handset_off`. */
function outcomeOf(leg: LegView): string {
  const from = leg.messages[0]?.queuedAt;
  const to = settledAt(leg);
  const took = from && to !== null ? ` ${span(Math.max(0, to - Date.parse(from)))}` : '';
  const late = leg.messages.some((message) => message.late) ? ' late' : '';
  const showsReason = leg.reason !== null && leg.reason !== leg.state && toneOf(leg.state) !== 'good';
  return `${leg.state}${late}${took}${showsReason ? ` ${clean(leg.reason!)}` : ''}`;
}

/** When the leg came to its state; null: it has not been triggered, or is under way. */
function settledAt({ state, messages }: LegView): number | null {
  const message = messages.at(-1);
  if (!message) return null;
  const { acceptedAt, deliveredAt, readAt, failedAt } = message;
  switch (state) {
    case 'accepted':
    case 'sent':
      return instant(acceptedAt);
    case 'delivered':
      return instant(deliveredAt);
    case 'read':
      return instant(readAt) ?? instant(deliveredAt);
    case 'rejected':
    case 'undelivered':
    case 'unconfirmed':
    case 'unknown':
      return instant(failedAt);
    default:
      return null;
  }
}

function axisOf({ createdAt, endedAt, legs }: TransactionView, now: number): Axis {
  const from = Date.parse(createdAt);
  const times = legs.flatMap((leg) => leg.messages.map(({ queuedAt }) => instant(queuedAt)).concat(settledAt(leg)));
  return { from, to: Math.max(from, instant(endedAt) ?? now, ...times.filter((time) => time !== null)) };
}

/** `●─○───✕` in its place on the axis, and spaces around it. A leg that waits goes on to the end of the axis. */
function bar(leg: LegView, axis: Axis, width: number, runs: boolean, style: Style): string {
  const message = leg.messages.at(-1);
  const started = instant(leg.messages[0]?.queuedAt ?? null);
  if (!message || started === null) return ' '.repeat(width);
  const cellOf = (time: number) => Math.round(((time - axis.from) / Math.max(1, axis.to - axis.from)) * (width - 1));
  const waits = runs && toneOf(leg.state) === 'going';
  const settled = waits ? null : settledAt(leg);
  const first = Math.min(cellOf(started), width - 2);
  const last = Math.max(settled === null ? width - 1 : cellOf(settled), first + 1);
  const cells = new Map<number, string>();
  const put = (time: number | null, text: string) => {
    const cell = time === null ? first : cellOf(time);
    if (cell > first && cell < last) cells.set(cell, text);
  };
  put(instant(message.acceptedAt), paint(sign('accepted', style), 'going', style));
  // A failure that a late receipt has turned stays visible.
  put(instant(message.failedAt), paint(sign('bad', style), 'bad', style));
  cells.set(first, paint(sign('start', style), 'going', style));
  cells.set(last, endSign(waits ? 'running' : leg.state, style));
  const line = paint(sign('line', style), 'quiet', style);
  const drawn = Array.from(
    { length: width },
    (_, cell) => cells.get(cell) ?? (cell > first && cell < last ? line : ' '),
  );
  return drawn.join('');
}

function endSign(state: string, style: Style): string {
  const tone: Tone = toneOf(state);
  const isTaken = state === 'accepted' || state === 'sent';
  const name = isTaken ? 'accepted' : tone === 'plain' || tone === 'strong' ? 'quiet' : tone;
  return paint(sign(name, style), tone, style);
}

function instant(iso: string | null): number | null {
  return iso === null ? null : Date.parse(iso);
}
