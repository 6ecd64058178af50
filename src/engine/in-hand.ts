/** The transactions this node is working on now: from an acceptance, a read or a claim until nothing is under way for them. */
import type { AccountId, TransactionId } from '#domain/ids.ts';
import type { News, Transaction } from '#domain/transaction.ts';
import type { StoredTransaction } from '#ports/transaction-store.ts';

/** A transaction in this node's hands. */
export interface Held {
  stored: StoredTransaction;
  inbox: Waiting[];
  isBusy: boolean;
  /** Provider calls under way for it here. */
  calls: number;
}

/** News that have not been decided on yet. */
export interface Waiting {
  news: News;
  /** Write it even if it changes nothing: a claimed timer must be set again. */
  mustWrite: boolean;
  resolve(transaction: Transaction | null): void;
  reject(error: unknown): void;
}

/** What is in hand. */
export interface InHand {
  /** The held copy, made from this one when there is none. */
  hold(stored: StoredTransaction): Held;
  /** The held copy, read when there is none; null when there is no such transaction. Two that want the same share the read. */
  find(accountId: AccountId, id: TransactionId): Promise<Held | null>;
  /** Forgets it, unless something is still under way. */
  letGo(held: Held): void;
  has(id: TransactionId): boolean;
  size(): number;
  /** Those of them that belong to no batch. */
  singles(): number;
  /** Resolves when nothing is in hand. */
  idle(): Promise<void>;
}

/** Empty hands. */
export function inHand(load: (accountId: AccountId, id: TransactionId) => Promise<StoredTransaction | null>): InHand {
  const all = new Map<TransactionId, Held>();
  const loading = new Map<TransactionId, Promise<Held | null>>();
  let whenIdle: (() => void)[] = [];
  let singles = 0;

  function hold(stored: StoredTransaction): Held {
    const { id } = stored.transaction;
    const known = all.get(id);
    if (known) return known;
    const held: Held = { stored, inbox: [], isBusy: false, calls: 0 };
    all.set(id, held);
    if (isSingle(held)) singles++;
    return held;
  }

  function find(accountId: AccountId, id: TransactionId): Promise<Held | null> {
    const known = all.get(id);
    if (known) return Promise.resolve(known.stored.transaction.accountId === accountId ? known : null);
    const underWay = loading.get(id);
    if (underWay) return underWay;
    const read = load(accountId, id)
      .then((stored) => (stored ? hold(stored) : null))
      .finally(() => loading.delete(id));
    loading.set(id, read);
    return read;
  }

  function letGo(held: Held): void {
    if (held.isBusy || held.calls > 0 || held.inbox.length > 0) return;
    const { id } = held.stored.transaction;
    if (all.get(id) === held) {
      all.delete(id);
      if (isSingle(held)) singles--;
    }
    if (all.size > 0) return;
    for (const resolve of whenIdle) resolve();
    whenIdle = [];
  }

  return {
    hold,
    find,
    letGo,
    has: (id) => all.has(id),
    size: () => all.size,
    singles: () => singles,
    idle: () => (all.size === 0 ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve))),
  };
}

function isSingle({ stored }: Held): boolean {
  return stored.request.batch === null;
}
