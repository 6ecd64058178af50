/**
 * Heartbeats, and taking over from the dead (semantics §10).
 *
 * A node that has not beaten for {@link SILENT_MS} is dead: its leases are moved to a rescuer, which sends again what had
 * no recorded answer. A node that was only away (its database was, or it was stopped) finds its writes refused by version
 * and reads again. It is watched for {@link FORGET_MS} more: what it wrote last may have been accepted after the rescue.
 */
import type { NodeId } from '#domain/ids.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { NodeStore } from '#ports/node-store.ts';
import type { TransactionStore } from '#ports/transaction-store.ts';
import type { Advancer } from './advance.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';

/** How often a node says that it lives. */
const BEAT_MS = 1_000;
/** How long a node may be silent before it is dead. With the beat, the claim and the send it stays below 10 s. */
const SILENT_MS = 5_000;
/** After a pause in our own beats (the database was away for all) the others get this long to be heard again. */
const GRACE_MS = 5_000;
/** How long after its last beat a node is forgotten; one that comes back later goes on under a new id. */
const FORGET_MS = 600_000;
/** Transactions taken over in one go. */
const TAKE_OVER_MAX = 200;
/** How often the leases of this node are compared with what it holds. */
const SWEEP_MS = 5_000;
/** Leases compared: more than a node may have in hand. */
const LEASES_MAX = 30_000;

/** What rescuing needs. */
export interface RescueTools {
  nodes: NodeStore;
  transactions: TransactionStore;
  advancer: Advancer;
  clock: Clock;
  log: Log;
  /** This node's id; changes when it had been declared dead. */
  identity: { node: NodeId; name: string };
}

/** Starts beating and watching. */
export function startRescuing({ nodes, transactions, advancer, clock, log, identity }: RescueTools): Loop {
  let lastBeat = clock.now();
  let mayJudgeFrom = clock.now();
  let sweepAt = clock.now() + SWEEP_MS;
  let suspects = new Set<string>();

  async function turn(): Promise<number> {
    const before = clock.now();
    if (!(await nodes.beat(identity.node))) {
      const node = await nodes.join(identity.name);
      log.warn({ was: identity.node, is: node }, 'this node had been declared dead; it goes on under a new id');
      identity.node = node;
    }
    const now = clock.now();
    if (now - lastBeat > SILENT_MS / 2) mayJudgeFrom = now + GRACE_MS;
    lastBeat = now;
    if (now >= mayJudgeFrom) await judge();
    if (now >= sweepAt) {
      await sweep();
      sweepAt = now + SWEEP_MS;
    }
    return Math.max(0, BEAT_MS - (clock.now() - before));
  }

  async function judge(): Promise<void> {
    for (const node of await nodes.dead(SILENT_MS)) if (node !== identity.node) await takeOver(node);
    for (const node of await nodes.dead(FORGET_MS)) if (node !== identity.node) await nodes.leave(node);
  }

  async function takeOver(dead: NodeId): Promise<void> {
    for (;;) {
      const left = await transactions.takeOver(dead, identity.node, TAKE_OVER_MAX);
      if (left.length === 0) return;
      log.warn({ dead, transactions: left.length }, 'a node is silent; its transactions are taken over');
      left.forEach(rescue);
      // A heartbeat between the pages: a long list must not make us look dead.
      await nodes.beat(identity.node);
    }
  }

  /** Leased to us, but twice in a row not in our hands: the answer to an acceptance was lost, or a send broke off. */
  async function sweep(): Promise<void> {
    const leased = await transactions.leasedTo(identity.node, LEASES_MAX);
    const lost = leased.filter(({ id }) => !advancer.isHeld(id));
    for (const { accountId, id } of lost.filter(({ id: lostId }) => suspects.has(lostId))) {
      const stored = await transactions.load(accountId, id);
      if (stored?.node === identity.node && !advancer.isHeld(id)) rescue(stored);
    }
    suspects = new Set(lost.map(({ id }) => id));
  }

  function rescue(stored: Parameters<Advancer['tellClaimed']>[0]): void {
    advancer
      .tellClaimed(stored, { kind: 'rescued' })
      .catch((error: unknown) => log.error({ transactionId: stored.transaction.id, error }, 'a rescue broke off'));
  }

  return startLoop('heartbeat', log, turn, BEAT_MS);
}
