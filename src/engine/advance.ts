/**
 * Carries transactions on: takes news, asks the domain what they mean, stores that, does the effects.
 *
 * A transaction is in memory only while something is happening to it here (a provider is being called, a write is under
 * way). News that arrive meanwhile wait in its inbox and are decided together, in order; a receipt that comes while the
 * provider's answer is being written needs neither a read nor a write of its own. Other nodes may advance the same
 * transaction at any time: a write that lost the race is read again and decided again.
 */
import type { AccountId, NodeId, TransactionId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import { dueAt } from '#domain/timers.ts';
import { advance, isSending } from '#domain/transaction.ts';
import type { Effect, News, TimelineEntry, Transaction } from '#domain/transaction.ts';
import type { Log } from '#ports/log.ts';
import type { StoredTransaction, TransactionStore } from '#ports/transaction-store.ts';
import type { Counts } from './count.ts';
import { track, upsert } from './follow-up.ts';
import type { FollowUpTools } from './follow-up.ts';
import { inHand } from './in-hand.ts';
import type { Held, Waiting } from './in-hand.ts';
import type { ProfileAhead } from './profile-ahead.ts';
import { untilThere } from './until-there.ts';
import type { Webhooks } from './webhooks.ts';

/** What advancing needs. */
export interface AdvanceTools extends FollowUpTools {
  transactions: TransactionStore;
  counts: Counts;
  profileAhead: ProfileAhead;
  webhooks: Pick<Webhooks, 'callsOf' | 'written'>;
  log: Log;
  node(): NodeId;
  /** Calls the provider for the message of this index, and tells the news. Never throws. */
  send(held: Held, message: number): Promise<void>;
  /** A timer was set: somebody must look at that time. */
  wakeAt(instant: Instant): void;
}

/** Everything in this node's hands, and the way in. */
export interface Advancer {
  /** Takes an accepted transaction and does the effects its acceptance decided. */
  begin(stored: StoredTransaction, effects: Effect[], entries: TimelineEntry[]): void;
  /**
   * Tells news; resolves when what they mean is stored, with the transaction then, or null when there is none.
   * @param concerns says whether the news are this transaction's at all; when not, null.
   */
  tell(
    accountId: AccountId,
    id: TransactionId,
    news: News,
    concerns?: (transaction: Transaction) => boolean,
  ): Promise<Transaction | null>;
  /** The same for a transaction that has just been read (claimed timers, rescues); always written. */
  tellClaimed(stored: StoredTransaction, news: News): Promise<Transaction | null>;
  isHeld(id: TransactionId): boolean;
  /** Transactions in hand. */
  size(): number;
  /** Those of them that belong to no batch. */
  singles(): number;
  /** Resolves when nothing is in hand. */
  idle(): Promise<void>;
}

/** An advancer with nothing in hand. */
export function createAdvancer(tools: AdvanceTools): Advancer {
  const hands = inHand(tools.transactions.load);

  function put(held: Held, news: News, mustWrite: boolean): Promise<Transaction | null> {
    return new Promise((resolve, reject) => {
      held.inbox.push({ news, mustWrite, resolve, reject });
      if (!held.isBusy) void work(held);
    });
  }

  async function work(held: Held): Promise<void> {
    held.isBusy = true;
    while (held.inbox.length > 0) {
      const batch = held.inbox.splice(0);
      try {
        const effects = await settle(tools, held, batch);
        for (const { resolve } of batch) resolve(effects && held.stored.transaction);
        if (effects) act(held, effects);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    held.isBusy = false;
    hands.letGo(held);
  }

  /** After the new state is stored: the intent is durable, so the provider may be called. */
  function act(held: Held, effects: Effect[]): void {
    const due = dueAt(held.stored.transaction);
    if (due !== null) tools.wakeAt(due);
    for (const effect of effects) if (effect.kind === 'send') void call(held, effect.message);
  }

  async function call(held: Held, message: number): Promise<void> {
    held.calls++;
    try {
      await tools.send(held, message);
    } catch (error) {
      // Still leased to this node, it will be found by the sweep for what nobody holds, and sent again.
      tools.log.error({ transactionId: held.stored.transaction.id, message, error }, 'sending broke off');
    }
    held.calls--;
    hands.letGo(held);
  }

  return {
    begin: (stored, effects, entries) => {
      const held = hands.hold(stored);
      tools.counts.note(stored.transaction, entries);
      act(held, effects);
      hands.letGo(held);
    },
    tell: async (accountId, id, news, concerns) => {
      const held = await hands.find(accountId, id);
      // The read may have been shared with one that has let go of it meanwhile: held again, or the copy held now.
      if (held && (concerns?.(held.stored.transaction) ?? true)) return put(hands.hold(held.stored), news, false);
      if (held) hands.letGo(held);
      return null;
    },
    tellClaimed: (stored, news) => put(hands.hold(stored), news, true),
    isHeld: hands.has,
    size: hands.size,
    singles: hands.singles,
    idle: hands.idle,
  };
}

/**
 * Decides a batch of news and stores what they mean; when another node was faster, reads and decides again.
 * @returns the effects left to do, or null when the transaction is gone.
 */
async function settle(tools: AdvanceTools, held: Held, batch: Waiting[]): Promise<Effect[] | null> {
  for (;;) {
    const now = tools.clock.now();
    const decision = decide(held.stored.transaction, batch, now);
    if (!decision.changed && !batch.some(({ mustWrite }) => mustWrite)) return [];
    const entries = [...decision.entries, ...(await followUps(tools, held, decision.effects))];
    const node = leaseAfter(held.stored, decision, tools.node());
    const stored = { ...held.stored, transaction: decision.transaction, node };
    if (decision.effects.some(({ kind }) => kind === 'send')) tools.profileAhead.expect(decision.transaction);
    const { transaction: before, request, version } = held.stored;
    const calls = tools.webhooks.callsOf({ before, after: stored.transaction, request, version }, now);
    if (await untilThere(() => tools.transactions.save({ stored, entries, calls }), tools.signal)) {
      held.stored = { ...stored, version: stored.version + 1 };
      tools.counts.note(stored.transaction, entries);
      tools.webhooks.written(calls);
      return decision.effects;
    }
    const { accountId, id } = held.stored.transaction;
    const fresh = await untilThere(() => tools.transactions.load(accountId, id), tools.signal);
    if (!fresh) return null;
    held.stored = fresh;
  }
}

/** Before the new state is stored: both are idempotent, so a crash in between does them once all the same. */
async function followUps(tools: AdvanceTools, held: Held, effects: Effect[]): Promise<TimelineEntry[]> {
  const entries: TimelineEntry[] = [];
  if (effects.some(({ kind }) => kind === 'track')) entries.push(await track(tools, held.stored));
  if (effects.some(({ kind }) => kind === 'upsert')) entries.push(await upsert(tools, held.stored));
  return entries;
}

function leaseAfter(before: StoredTransaction, { transaction, effects }: Decision, self: NodeId): NodeId | null {
  if (!isSending(transaction)) return null;
  return effects.some(({ kind }) => kind === 'send') ? self : before.node;
}

interface Decision {
  transaction: Transaction;
  effects: Effect[];
  entries: TimelineEntry[];
  changed: boolean;
}

/** All the news of a batch, one after the other. */
function decide(before: Transaction, batch: { news: News }[], now: Instant): Decision {
  const decision: Decision = { transaction: before, effects: [], entries: [], changed: false };
  for (const { news } of batch) {
    const next = advance(decision.transaction, news, now);
    decision.transaction = next.transaction;
    decision.effects.push(...next.effects);
    decision.entries.push(...next.entries);
    decision.changed ||= next.changed;
  }
  return decision;
}
