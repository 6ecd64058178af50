/** Plays a script of news to a transaction, and says what it comes to. */
import assert from 'node:assert/strict';
import { RECEIPT_STATUSES } from '#domain/message.ts';
import type { SkipReason } from '#domain/message.ts';
import { dueAt } from '#domain/timers.ts';
import { advance } from '#domain/transaction.ts';
import type { Effect, MessagePolicy, Mode, News, TimelineEntry, Transaction } from '#domain/transaction.ts';
import { layOut, single } from './legs.ts';
import type { StageSetup } from './legs.ts';
import { tellState } from './tell-state.ts';

const HOUR_MS = 3_600_000;

/** What a script is played to: two plain legs that start at once, unless it says otherwise. */
export interface Given {
  /** Each leg: the policy of its only message, or its stages. */
  legs?: (MessagePolicy | StageSetup[])[];
  ttlMs?: number;
  startsInMs?: number;
}

/** What came of it. */
export interface Played {
  transaction: Transaction;
  effects: Effect[];
  entries: TimelineEntry[];
  now: number;
  /** As {@link tellState} says it. */
  outcome: string;
}

function scheduled(mode: Mode, { legs = [{}, {}], ttlMs, startsInMs = 0 }: Given): Transaction {
  return {
    id: '01890000-0000-7000-8000-000000000000',
    accountId: 'demo',
    txnId: 'order-1',
    userId: 'u1',
    mode,
    createdAt: 0,
    startAt: startsInMs,
    deadline: ttlMs === undefined ? null : startsInMs + ttlMs,
    receiptWindowMs: 72 * HOUR_MS,
    throttleWaitMs: 5_000,
    tracksEvent: true,
    updatesProfile: true,
    initialProcessing: 'due',
    status: { name: 'scheduled' },
    ...layOut(legs.map((leg) => (Array.isArray(leg) ? leg : single(leg)))),
  };
}

/** `took 0`, `error 0` (may pass), `throttled 0 3000`, `paced 0 lane`, `turn lane`, `skipped 0 no_address`, a receipt's status, `machine 0 clicked`, `+500`, `due`, or a news without data. */
function newsOf(line: string, transaction: Transaction): News {
  const [kind = '', index, detail = ''] = line.split(' ');
  const message = Number(index);
  const on = { message, attempt: transaction.messages[message]?.facts.attempts ?? 0 };
  if (kind === 'took') return { kind: 'accepted', ...on, ref: 'ref' };
  if (kind === 'rejected') return { kind, ...on, reason: 'blocked', retryable: false };
  if (kind === 'error') return { kind: 'rejected', ...on, reason: '503', retryable: true };
  if (kind === 'unknown') return { kind, ...on, reason: 'timeout' };
  if (kind === 'throttled') return { kind, ...on, retryAfterMs: Number(detail) };
  if (kind === 'paced') return { kind, ...on, lane: detail };
  if (kind === 'turn') return { kind: 'timer', lane: index! };
  if (kind === 'skipped') return { kind, ...on, reason: detail as SkipReason };
  if (kind === 'machine')
    return { kind: 'machine_receipt', message, status: detail as 'clicked', reason: 'link_scanner' };
  const status = RECEIPT_STATUSES.find((one) => one === kind);
  if (status) return { kind: 'receipt', message, status, reason: null };
  return { kind } as News;
}

/** Plays `news; news; …` from the start. */
export function play(mode: Mode, script: string, given: Given = {}): Played {
  let transaction = scheduled(mode, given);
  let now = 0;
  const effects: Effect[] = [];
  const entries: TimelineEntry[] = [];
  const tell = (news: News) => {
    const result = advance(transaction, news, now);
    ({ transaction } = result);
    effects.push(...result.effects);
    entries.push(...result.entries);
  };
  if (given.startsInMs === undefined) tell({ kind: 'started' });
  for (const line of script.split('; ').filter(Boolean)) {
    if (line.startsWith('+')) now += Number(line);
    else if (line === 'due') {
      now = dueAt(transaction) ?? assert.fail(`nothing is due in ${tellState(transaction)}`);
      tell({ kind: 'timer' });
    } else tell(newsOf(line, transaction));
  }
  return { transaction, effects, entries, now, outcome: tellState(transaction) };
}
