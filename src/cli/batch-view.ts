/** A batch as the API tells of it, and as it is drawn. */
import { table } from './cells.ts';
import { paint, toneOf } from './paint.ts';
import type { Style, Tone } from './paint.ts';

/** A batch as lists show it. */
export interface BatchView {
  id: string;
  state: string;
  campaignIds: string[];
  mode: string;
  total: number;
  createdAt: string;
  startAt: string;
  endedAt: string | null;
}

/** One batch, with what it has come to and some of its recipients. */
export interface BatchDetail extends BatchView {
  counts: Record<string, number>;
  recipients: RecipientView[];
  next: string | null;
}

/** What became of one recipient. */
export interface RecipientView {
  index: number;
  target: string;
  userId: string | null;
  state: string;
  reason: string | null;
  /** Of a bad row of a file: where, and what to do about it. */
  detail?: string | null;
  transactionId: string | null;
}

/** The counts, in the order in which they are drawn: what is over first. */
const PARTS: [count: string, tone: Tone][] = [
  ['completed', 'good'],
  ['succeeded', 'good'],
  ['failed', 'bad'],
  ['expired', 'bad'],
  ['refused', 'bad'],
  ['unconfirmed', 'doubtful'],
  ['cancelled', 'quiet'],
  ['running', 'going'],
  ['waiting', 'quiet'],
];
/** Of these nothing is over yet. */
const UNDER_WAY = ['running', 'waiting'];
const BAR_MAX = 60;
/** Beside the bar: the share and the numbers. */
const BESIDE = 30;

/** All of them. */
export function drawBatches(batches: BatchView[], style: Style): string {
  const rows = batches.map(({ id, state, total, campaignIds, createdAt, endedAt }) => [
    id,
    state,
    String(total),
    campaignIds.join(', '),
    createdAt,
    endedAt ?? '',
  ]);
  return table(['id', 'state', 'recipients', 'campaigns', 'created', 'ended'], rows, style);
}

/** How far it is: a bar, and how many recipients each part of it is. */
export function drawProgress(batch: BatchDetail, style: Style): string {
  const { id, state, counts, total } = batch;
  const over = total - UNDER_WAY.reduce((sum, part) => sum + (counts[part] ?? 0), 0);
  const share = Math.floor((over / total) * 100);
  const numbers = PARTS.filter(([part]) => (counts[part] ?? 0) > 0).map(([part, tone]) =>
    paint(`${counts[part]} ${part}`, tone, style),
  );
  return [
    `batch ${id} is ${paint(state, toneOf(state), style)}`,
    `${bar(counts, total, style)} ${share} %  ${over} of ${total}`,
    numbers.join(' · '),
  ].join('\n');
}

/** The recipients of a page. */
export function drawRecipients(recipients: RecipientView[], style: Style): string {
  const rows = recipients.map(({ index, target, userId, state, reason, detail, transactionId }) => [
    String(index),
    target,
    userId ?? '',
    reason === null ? state : `${state}: ${detail ?? reason}`,
    transactionId ?? '',
  ]);
  return table(['#', 'target', 'user', 'state', 'transaction'], rows, style);
}

function bar(counts: Record<string, number>, total: number, style: Style): string {
  const width = Math.min(BAR_MAX, Math.max(10, style.columns - BESIDE));
  const [full, empty] = style.ascii ? ['#', '.'] : ['█', '░'];
  let [drawn, before] = ['', 0];
  let cells = 0;
  for (const [part, tone] of PARTS) {
    before += counts[part] ?? 0;
    const until = Math.round((before / total) * width);
    const sign = UNDER_WAY.includes(part) ? empty : full;
    drawn += paint(sign.repeat(Math.max(0, until - cells)), tone, style);
    cells = Math.max(cells, until);
  }
  return drawn;
}
