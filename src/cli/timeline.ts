/** A transaction drawn for people: what it is, its legs over time, and what happened when. */
import { clean, cut, fill, widthOf, wrap } from './cells.ts';
import { paint, sign, toneOf } from './paint.ts';
import type { Style } from './paint.ts';
import { readableTime, span } from './span.ts';
import { drawLegs } from './timeline-bars.ts';
import { hasEnded, hasParts } from './transaction-view.ts';
import type { EntryView, TransactionView } from './transaction-view.ts';

/** Width of the header's labels. */
const LABEL = 15;
/** The column of what happened is not wider than this. */
const WHAT_MAX = 24;

/**
 * Draws it, in lines of at most `style.columns` (60 and more look well).
 * @param now ms since 1970, up to where the bars of a running transaction go; the last thing known of it where unset.
 */
export function drawTransaction(view: TransactionView, style: Style, now = lastInstant(view)): string {
  return [
    ...drawHeader(view, style, now),
    '',
    ...drawLegs(view, style, now),
    ...(view.timeline.length === 0 ? [] : ['', ...drawEntries(view, style)]),
  ].join('\n');
}

function drawHeader(view: TransactionView, style: Style, now: number): string[] {
  const { state, late, ttl, expiresAt, createdAt, endedAt } = view;
  const word = late ? `${state}, late` : state;
  const lasted = span(Math.max(0, (endedAt === null ? now : Date.parse(endedAt)) - Date.parse(createdAt)));
  const when =
    state === 'scheduled' ? `for ${readableTime(view.startAt)}` : `${hasEnded(view) ? 'after' : 'for'} ${lasted}`;
  const tone = toneOf(state);
  const title = `${sign(tone === 'plain' || tone === 'strong' ? 'quiet' : tone, style)} ${word}`;
  const until = expiresAt === null ? '' : `, until ${readableTime(expiresAt)}`;
  return [
    `${paint(title, tone, style)} ${when}`,
    ...field('transaction', view.id, style),
    ...field('txnId', view.txnId, style),
    ...field('user', view.userId, style),
    ...field('mode', view.mode, style),
    ...field('ttl', ttl === null ? 'none' : `${ttl} s${until}`, style),
  ];
}

/** Wrapped, not cut: ids are there to be copied. */
function field(label: string, value: string, style: Style): string[] {
  const lines = wrap(value, Math.max(1, style.columns - LABEL));
  return lines.map((line, n) => paint(`  ${n === 0 ? label : ''}`.padEnd(LABEL), 'quiet', style) + line);
}

function drawEntries(view: TransactionView, style: Style): string[] {
  const { timeline, createdAt } = view;
  const from = Date.parse(createdAt);
  const parts = partNames(view);
  const times = timeline.map(({ at }) => `+${span(Math.max(0, Date.parse(at) - from))}`);
  const places = timeline.map(({ leg, message }) => (leg === null ? '' : `${leg}${parts.get(message)?.place ?? ''}`));
  const [timeWidth, placeWidth] = [Math.max(...times.map(widthOf)), Math.max(1, ...places.map(widthOf))];
  const whatWidth = Math.min(WHAT_MAX, Math.max(...timeline.map(({ what }) => widthOf(clean(what)))));
  const detailWidth = Math.max(1, style.columns - 2 - timeWidth - 2 - placeWidth - 2 - whatWidth - 2);
  return timeline.map((entry, n) => {
    const time = paint(times[n]!.padStart(timeWidth), 'quiet', style);
    const place = places[n]!.padStart(placeWidth);
    const what = paint(fill(entry.what, whatWidth, style), toneOf(entry.what), style);
    const detail = detailOf(entry, parts.get(entry.message)?.name, detailWidth, style);
    return `  ${time}  ${place}  ${what}${detail}`.trimEnd();
  });
}

/** Where a leg has several parts, a line says which one it is about: `0.2`, its stage, and its channel. */
function partNames({ legs }: TransactionView): Map<string | null, { place: string; name: string }> {
  const named = legs
    .filter(hasParts)
    .flatMap(({ messages, stages }) => [
      ...messages.map(({ id, stage, channel }) => ({ id, place: stages ? `.${stage}` : '', name: channel ?? '' })),
      ...(stages ?? []).flatMap(({ position, hook }) =>
        hook ? [{ id: hook.id, place: `.${position}`, name: '' }] : [],
      ),
    ]);
  return new Map(named.map(({ id, ...part }) => [id, part]));
}

function detailOf({ detail }: EntryView, part: string | undefined, width: number, style: Style): string {
  const said = [part, detail].filter((text) => text !== undefined && text !== null && text !== '').join(': ');
  return said === '' ? '' : `  ${cut(said, width, style)}`;
}

function lastInstant({ createdAt, endedAt, timeline }: TransactionView): number {
  const times = [createdAt, ...timeline.map(({ at }) => at), ...(endedAt === null ? [] : [endedAt])];
  return Math.max(...times.map((time) => Date.parse(time)));
}
