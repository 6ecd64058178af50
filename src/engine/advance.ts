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
import { untilThere } from './until-there.ts';

/** A transaction in this node's hands. */
export interface Held {
  stored: StoredTransaction;
  inbox: Waiting[];
  isBusy: boolean;
  /** Provider calls under way for it here. */
  calls: number;
}

interface Waiting {
  news: News;
  /** Write it even if it changes nothing: a claimed timer must be set again. */
  mustWrite: boolean;
  resolve(transaction: Transaction | null): void;
  reject(error: unknown): void;
}

/** What advancing needs. */
export interface AdvanceTools extends FollowUpTools {
  transactions: TransactionStore;
  counts: Counts;
  log: Log;
  node(): NodeId;
  /** Calls the provider for a leg, and tells the news. Never throws. */
  send(held: Held, leg: number): Promise<void>;
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
  /** Resolves when nothing is in hand. */
  idle(): Promise<void>;
}

/** An advancer with nothing in hand. */
export function createAdvancer(tools: AdvanceTools): Advancer {
  const inHand = new Map<TransactionId, Held>();
  const loading = new Map<TransactionId, Promise<Held | null>>();
  let whenIdle: (() => void)[] = [];

  function hold(stored: StoredTransaction): Held {
    const { id } = stored.transaction;
    const known = inHand.get(id);
    if (known) return known;
    const held: Held = { stored, inbox: [], isBusy: false, calls: 0 };
    inHand.set(id, held);
    return held;
  }

  function letGo(held: Held): void {
    if (held.isBusy || held.calls > 0 || held.inbox.length > 0) return;
    const { id } = held.stored.transaction;
    if (inHand.get(id) === held) inHand.delete(id);
    if (inHand.size > 0) return;
    for (const resolve of whenIdle) resolve();
    whenIdle = [];
  }

  /** Two that want the same transaction share the read, and the held copy. */
  function find(accountId: AccountId, id: TransactionId): Promise<Held | null> {
    const known = inHand.get(id);
    if (known) return Promise.resolve(known.stored.transaction.accountId === accountId ? known : null);
    const underWay = loading.get(id);
    if (underWay) return underWay;
    const read = tools.transactions
      .load(accountId, id)
      .then((stored) => (stored ? hold(stored) : null))
      .finally(() => loading.delete(id));
    loading.set(id, read);
    return read;
  }

  function put(held: Held, news: News, mustWrite: boolean): Promise<Transaction | null> {
    // The read may have been shared with one that has let go of it meanwhile.
    inHand.set(held.stored.transaction.id, held);
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
        const exists = await apply(held, batch);
        for (const { resolve } of batch) resolve(exists ? held.stored.transaction : null);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    held.isBusy = false;
    letGo(held);
  }

  async function apply(held: Held, batch: Waiting[]): Promise<boolean> {
    for (;;) {
      const decision = decide(held.stored.transaction, batch, tools.clock.now());
      if (!decision.changed && !batch.some(({ mustWrite }) => mustWrite)) return true;
      const entries = [...decision.entries, ...(await followUps(held, decision.effects))];
      const stored = { ...held.stored, transaction: decision.transaction, node: leaseAfter(held.stored, decision) };
      if (await untilThere(() => tools.transactions.save({ stored, entries }), tools.signal)) {
        held.stored = { ...stored, version: stored.version + 1 };
        tools.counts.note(stored.transaction, entries);
        act(held, decision.effects);
        return true;
      }
      const { accountId, id } = held.stored.transaction;
      const fresh = await untilThere(() => tools.transactions.load(accountId, id), tools.signal);
      if (!fresh) return false;
      held.stored = fresh;
    }
  }

  /** Before the new state is stored: both are idempotent, so a crash in between does them once all the same. */
  async function followUps(held: Held, effects: Effect[]): Promise<TimelineEntry[]> {
    const entries: TimelineEntry[] = [];
    if (effects.some(({ kind }) => kind === 'track')) entries.push(await track(tools, held.stored));
    if (effects.some(({ kind }) => kind === 'upsert')) entries.push(await upsert(tools, held.stored));
    return entries;
  }

  function leaseAfter(before: StoredTransaction, { transaction, effects }: Decision): NodeId | null {
    if (!isSending(transaction)) return null;
    return effects.some(({ kind }) => kind === 'send') ? tools.node() : before.node;
  }

  /** After the new state is stored: the intent is durable, so the provider may be called. */
  function act(held: Held, effects: Effect[]): void {
    const due = dueAt(held.stored.transaction);
    if (due !== null) tools.wakeAt(due);
    for (const effect of effects) if (effect.kind === 'send') call(held, effect.leg);
  }

  function call(held: Held, leg: number): void {
    held.calls++;
    tools
      .send(held, leg)
      .catch((error: unknown) => {
        // Still leased to this node, it will be found by the sweep for what nobody holds, and sent again.
        tools.log.error({ transactionId: held.stored.transaction.id, leg, error }, 'sending broke off');
      })
      .finally(() => {
        held.calls--;
        letGo(held);
      });
  }

  return {
    begin: (stored, effects, entries) => {
      const held = hold(stored);
      tools.counts.note(stored.transaction, entries);
      act(held, effects);
      letGo(held);
    },
    tell: async (accountId, id, news, concerns) => {
      const held = await find(accountId, id);
      if (held && (concerns?.(held.stored.transaction) ?? true)) return put(held, news, false);
      if (held) letGo(held);
      return null;
    },
    tellClaimed: (stored, news) => put(hold(stored), news, true),
    isHeld: (id) => inHand.has(id),
    size: () => inHand.size,
    idle: () => (inHand.size === 0 ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve))),
  };
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
