/** The legs of a transaction as bars over one axis of time: `0 ~abc123 whatsapp  ●─○───✕ undelivered 62 ms`. */
import { clean, fill, widthOf } from './cells.ts';
import { paint, sign, toneOf } from './paint.ts';
import type { Style, Tone } from './paint.ts';
import { span } from './span.ts';
import { rowsOf } from './timeline-rows.ts';
import type { BarTimes, Row } from './timeline-rows.ts';
import type { TransactionView } from './transaction-view.ts';

/** Widths, in characters. */
const CAMPAIGN_MAX = 20;
const CHANNEL_MAX = 8;
const PART_MAX = 20;
const OUTCOME_MAX = 34;
const BAR_MIN = 8;
const BAR_MAX = 48;

/** From when to when the bars go, in ms since 1970. */
interface Axis {
  from: number;
  to: number;
}

/** How wide the columns of a row's label are. */
interface LabelWidths {
  position: number;
  campaign: number;
  channel: number;
}

/** The axis, and one line per row. @param now where the bars of what still runs end. */
export function drawLegs(view: TransactionView, style: Style, now: number): string[] {
  const rows = rowsOf(view);
  const widths = labelWidths(rows);
  const labelWidth = 2 + widths.position + 1 + widths.campaign + 1 + widths.channel + 2;
  const room = style.columns - labelWidth - 1;
  const outcomeWidth = Math.min(
    OUTCOME_MAX,
    widest(rows.map(({ outcome }) => outcome)),
    Math.max(BAR_MIN, room - BAR_MIN),
  );
  const barWidth = Math.min(BAR_MAX, Math.max(BAR_MIN, room - outcomeWidth));
  const axis = axisOf(view, rows, now);
  const lines = rows.map((row) => {
    const outcome = fill(row.outcome, outcomeWidth, style).trimEnd();
    const drawn = row.bar === null ? ' '.repeat(barWidth) : bar(row.bar, axis, barWidth, style);
    return `${labelOf(row, widths, style)}${drawn} ${paint(outcome, row.tone, style)}`;
  });
  return [paint(' '.repeat(labelWidth) + scale(axis, barWidth), 'quiet', style), ...lines];
}

function labelWidths(rows: Row[]): LabelWidths {
  const legs = rows.flatMap(({ leg, name }) => (leg ? [{ ...leg, name }] : []));
  const position = widest(legs.map((leg) => leg.position));
  const campaign = Math.min(CAMPAIGN_MAX, widest(legs.map(({ campaignId }) => clean(campaignId))));
  const channel = Math.min(CHANNEL_MAX, widest(legs.map(({ name }) => name)));
  const part = Math.min(PART_MAX, widest(rows.filter(({ leg }) => leg === null).map(({ name }) => name)));
  // Parts stand below campaign and channel, a little to the right.
  return { position, campaign, channel: Math.max(channel, part + 1 - campaign) };
}

function labelOf({ leg, name }: Row, { position, campaign, channel }: LabelWidths, style: Style): string {
  if (leg === null) return `  ${' '.repeat(position + 3)}${fill(name, campaign + channel - 1, style)}  `;
  const place = leg.position.padStart(position);
  return `  ${place} ${fill(leg.campaignId, campaign, style)} ${fill(name, channel, style)}  `;
}

/** `0 ms      118 ms`, as wide as the bars. */
function scale(axis: Axis, width: number): string {
  const end = span(axis.to - axis.from);
  return end.length + 6 > width ? end.padStart(width) : `0 ms${end.padStart(width - 4)}`;
}

function widest(texts: string[]): number {
  return Math.max(0, ...texts.map(widthOf));
}

function axisOf({ createdAt, endedAt }: TransactionView, rows: Row[], now: number): Axis {
  const from = Date.parse(createdAt);
  const times = rows.flatMap(({ bar: its }) => (its === null ? [] : [its.from, its.waits ? null : its.to]));
  const end = endedAt === null ? now : Date.parse(endedAt);
  return { from, to: Math.max(from, end, ...times.filter((time) => time !== null)) };
}

/** `●─○───✕` in its place on the axis, and spaces around it. What waits goes on to the end of the axis. */
function bar(times: BarTimes, axis: Axis, width: number, style: Style): string {
  const { from, to, acceptedAt, failedAt, waits, end } = times;
  const cellOf = (time: number) => Math.round(((time - axis.from) / Math.max(1, axis.to - axis.from)) * (width - 1));
  const settled = waits ? null : to;
  const first = Math.min(cellOf(from), width - 2);
  const last = Math.max(settled === null ? width - 1 : cellOf(settled), first + 1);
  const cells = new Map<number, string>();
  const put = (time: number | null, text: string) => {
    const cell = time === null ? first : cellOf(time);
    if (cell > first && cell < last) cells.set(cell, text);
  };
  put(acceptedAt, paint(sign('accepted', style), 'going', style));
  // A failure that a late receipt has turned stays visible.
  put(failedAt, paint(sign('bad', style), 'bad', style));
  cells.set(first, paint(sign('start', style), 'going', style));
  cells.set(last, endSign(waits ? 'running' : end, style));
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
