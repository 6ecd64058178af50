/** What is drawn of a transaction's legs: a row for each; below a journey, one for each message, wait and hook. */
import { parseDurationMs } from '#domain/time.ts';
import { clean } from './cells.ts';
import { toneOf } from './paint.ts';
import type { Tone } from './paint.ts';
import { readableTime, span } from './span.ts';
import { hasEnded, hasParts } from './transaction-view.ts';
import type { LegView, MessageView, PartView, StageView, TransactionView } from './transaction-view.ts';

/** From when to when a bar goes, in ms since 1970. */
export interface BarTimes {
  from: number;
  /** Null: it is under way, or nobody knows. */
  to: number | null;
  acceptedAt: number | null;
  failedAt: number | null;
  /** Goes on to the end of the axis. */
  waits: boolean;
  /** The state at its end. */
  end: string;
}

/** One line. */
export interface Row {
  /** A leg's position and campaign; null: a part of the leg above. */
  leg: { position: string; campaignId: string } | null;
  /** The channel; of a part, its stage before that. */
  name: string;
  outcome: string;
  tone: Tone;
  /** Null: nothing has begun. */
  bar: BarTimes | null;
}

/** The rows of all legs, in order. */
export function rowsOf(view: TransactionView): Row[] {
  const runs = !hasEnded(view);
  return view.legs.flatMap((leg) => [legRow(leg, runs), ...(hasParts(leg) ? partsOf(leg, view, runs) : [])]);
}

function legRow(leg: LegView, runs: boolean): Row {
  const { state, reason, campaignId, position } = leg;
  const judged = judgedMessage(leg);
  const isWhole = hasParts(leg);
  return {
    leg: { position: String(position), campaignId },
    name: isWhole ? '' : (judged?.channel ?? ''),
    outcome: judged ? outcomeOf({ ...judged, state, reason }, judged.late) : outcomeOf({ state, reason }),
    tone: toneOf(state),
    bar: isWhole || !judged ? null : barOf({ ...judged, state }, runs),
  };
}

/** The message that gives the leg its state: of the first stage with messages, the one that came to that state first. */
function judgedMessage({ messages, state }: LegView): MessageView | undefined {
  const leads = messages.filter(({ stage }) => stage === messages[0]!.stage);
  const candidates = leads.filter((message) => message.state === state);
  return candidates.toSorted((a, b) => (settledAt(a) ?? 0) - (settledAt(b) ?? 0))[0] ?? leads.at(-1);
}

function partsOf(leg: LegView, view: TransactionView, runs: boolean): Row[] {
  if (!leg.stages) return leg.messages.map((message) => messageRow(message, message.channel ?? '', runs));
  return leg.stages.flatMap((stage) => {
    const messages = leg.messages.filter((message) => message.stage === stage.position);
    const named = (name: string) => `${stage.position} ${name}`;
    if (messages.length > 0) return messages.map((one) => messageRow(one, named(one.channel ?? 'message'), runs));
    if (stage.kind === 'hook' && stage.hook?.queuedAt) return [hookRow(stage.hook, named('hook'), runs)];
    const word = stage.kind === 'wait' ? `wait ${stage.wait ?? ''}` : stage.kind;
    return [stageRow(stage, named(word), stage.kind === 'wait' ? waitBar(stage, leg, view) : null)];
  });
}

function messageRow(message: MessageView, name: string, runs: boolean): Row {
  return {
    leg: null,
    name,
    outcome: outcomeOf(message, message.late),
    tone: toneOf(message.state),
    bar: barOf(message, runs),
  };
}

/** A hook that was accepted has been called: nobody reports on it any more. */
function hookRow(hook: PartView, name: string, runs: boolean): Row {
  const state = hook.state === 'accepted' ? 'called' : hook.state;
  const attempts = hook.attempts > 1 ? ` (${hook.attempts} attempts)` : '';
  return {
    leg: null,
    name,
    outcome: outcomeOf({ ...hook, state }) + attempts,
    tone: toneOf(state),
    bar: barOf({ ...hook, state }, runs),
  };
}

function stageRow({ state, reason, until }: StageView, name: string, bar: BarTimes | null): Row {
  const outcome = until === null ? outcomeOf({ state, reason }) : `until ${readableTime(until)}`;
  return { leg: null, name, outcome, tone: toneOf(state), bar };
}

/** From the line of the timeline that says that it began. */
function waitBar(
  { position, state, wait = '' }: StageView,
  leg: LegView,
  { timeline }: TransactionView,
): BarTimes | null {
  const told = (what: string) =>
    instant(
      timeline.find((entry) => {
        return entry.what === what && entry.leg === leg.position && entry.detail?.split(' ')[0] === String(position);
      })?.at,
    );
  const from = told('stage.started');
  if (from === null) return null;
  const to = told('stage.skipped') ?? from + (parseDurationMs(wait) ?? 0);
  return { from, to, acceptedAt: null, failedAt: null, waits: state === 'waiting', end: state };
}

/** The state, how long it took, and why: `undelivered 62 ms handset_off`. */
function outcomeOf(part: Pick<PartView, 'state' | 'reason'> & Partial<MessageView>, isLate = false): string {
  const { state, reason } = part;
  const from = instant(part.queuedAt);
  const to = settledAt(part);
  const took = from !== null && to !== null ? ` ${span(Math.max(0, to - from))}` : '';
  const showsReason = reason !== null && reason !== state && toneOf(state) !== 'good';
  return `${state}${isLate ? ' late' : ''}${took}${showsReason ? ` ${clean(reason)}` : ''}`;
}

function barOf(part: PartView & Partial<MessageView>, runs: boolean): BarTimes | null {
  const from = instant(part.queuedAt);
  if (from === null) return null;
  return {
    from,
    to: settledAt(part),
    acceptedAt: instant(part.acceptedAt),
    failedAt: instant(part.failedAt),
    waits: runs && toneOf(part.state) === 'going',
    end: part.state,
  };
}

/** When it came to its state; null: it has not been triggered, or is under way. */
function settledAt(part: Pick<PartView, 'state'> & Partial<MessageView>): number | null {
  switch (part.state) {
    case 'accepted':
    case 'sent':
    case 'called':
      return instant(part.acceptedAt);
    case 'delivered':
      return instant(part.deliveredAt);
    case 'read':
      return instant(part.readAt) ?? instant(part.deliveredAt);
    case 'rejected':
    case 'undelivered':
    case 'unconfirmed':
    case 'unknown':
      return instant(part.failedAt);
    default:
      return null;
  }
}

function instant(iso: string | null | undefined): number | null {
  return iso === null || iso === undefined ? null : Date.parse(iso);
}
