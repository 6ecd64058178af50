/**
 * Heartbeats, and taking over from the dead (semantics §10).
 *
 * A node that has not beaten for {@link SILENT_MS} is dead: its leases are moved to a rescuer, which sends again what had
 * no recorded answer. A node that was only away (its database was, or it was stopped) finds its writes refused by
 * version, and goes on under a new id.
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
/** Transactions taken over in one go. */
const TAKE_OVER_MAX = 200;
/** How often the leases of this node are compared with what it holds. */
const SWEEP_MS = 5_000;

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
    if (now >= mayJudgeFrom) for (const node of await nodes.dead(SILENT_MS)) if (node !== identity.node) await takeOver(node);
    if (now >= sweepAt) {
      await sweep();
      sweepAt = now + SWEEP_MS;
    }
    return Math.max(0, BEAT_MS - (clock.now() - before));
  }

  async function takeOver(dead: NodeId): Promise<void> {
    log.warn({ dead }, 'a node is silent; its transactions are taken over');
    for (;;) {
      const left = await transactions.takeOver(dead, identity.node, TAKE_OVER_MAX);
      left.forEach(rescue);
      // A heartbeat between the pages: a long list must not make us look dead.
      await nodes.beat(identity.node);
      if (left.length < TAKE_OVER_MAX) break;
    }
    await nodes.leave(dead);
  }

  /** Leased to us, but twice in a row not in our hands: an answer to an acceptance was lost, or a send broke off. */
  async function sweep(): Promise<void> {
    const leased = await transactions.leasedTo(identity.node, TAKE_OVER_MAX);
    const lost = leased.filter(({ transaction: { id } }) => !advancer.isHeld(id));
    for (const stored of lost) if (suspects.has(stored.transaction.id)) rescue(stored);
    suspects = new Set(lost.map(({ transaction: { id } }) => id));
  }

  function rescue(stored: Parameters<Advancer['tellClaimed']>[0]): void {
    advancer
      .tellClaimed(stored, { kind: 'rescued' })
      .catch((error: unknown) => log.error({ transactionId: stored.transaction.id, error }, 'a rescue broke off'));
  }

  return startLoop('heartbeat', log, turn, BEAT_MS);
}
