/**
 * Shares circuits with the other nodes: what this one decided is written at once, what they did is read twice a second. All
 * writing is done by one loop, so that a node's own decisions follow each other; of two nodes that decide, one is first.
 */
import { CLOSED, probing } from '#domain/circuit.ts';
import type { Circuit } from '#domain/circuit.ts';
import type { Instant } from '#domain/time.ts';
import type { BrokenCircuit, CircuitStore } from '#ports/circuit-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import { setCircuit } from './health-book.ts';
import type { HealthBook, KeptHealth } from './health-book.ts';
import { startLoop } from './loop.ts';
import type { Loop } from './loop.ts';
import { newUuid } from './new-ids.ts';

/** How often the circuits of other nodes are looked for: they are followed within 1 s. */
const POLL_MS = 500;

/** Starts following the circuits. */
export function startSharingCircuits(book: HealthBook, store: CircuitStore, clock: Clock, log: Log): Loop {
  return startLoop('provider health', log, async () => {
    for (const one of book.all()) if (one.isDirty || one.probe === 'wanted') await write(store, one, clock);
    adopt(book, await store.broken(), clock.now(), log);
    return POLL_MS;
  });
}

/** Takes over what others have written; what is not stored is closed. */
function adopt(book: HealthBook, rows: BrokenCircuit[], now: Instant, log: Log): void {
  const stored = new Map(rows.map((row) => [book.of(row.accountId, row.providerId), row]));
  for (const [one, row] of stored) if (one.version !== row.version) follow(one, row.version, circuitOf(row, now));
  for (const one of book.all()) {
    const isBroken = one.version !== null || one.circuit.state.name !== 'closed';
    if (isBroken && !stored.has(one)) follow(one, null, CLOSED);
  }

  function follow(one: KeptHealth, version: string | null, circuit: Circuit): void {
    // Decided here meanwhile: the next turn writes it, if it still can be.
    if (one.isDirty) return;
    one.version = version;
    one.probe = 'none';
    setCircuit(one, circuit, log);
  }
}

/** Writes what was decided, or asks for the right to probe. What another node was faster with is read afterwards. */
async function write(store: CircuitStore, one: KeptHealth, clock: Clock): Promise<void> {
  const now = clock.now();
  const claims = !one.isDirty;
  const circuit = claims ? probing(one.circuit, now) : one.circuit;
  const { accountId, id: providerId, version: basedOn } = one;
  one.isDirty = false;
  try {
    if (circuit.state.name === 'closed') {
      if (basedOn !== null && (await store.close({ accountId, providerId }, basedOn))) one.version = null;
      return;
    }
    const version = newUuid(now);
    const isOurs = await store.change(rowOf(one, circuit, version, now), basedOn);
    if (!isOurs) {
      if (claims) one.probe = 'none';
      return;
    }
    one.version = version;
    if (!claims || one.isDirty) return;
    one.circuit = circuit;
    one.probe = 'ours';
  } catch (error) {
    if (!claims) one.isDirty = true;
    throw error;
  }
}

function rowOf(
  { accountId, id: providerId }: KeptHealth,
  { state, openings, reason, since }: Circuit,
  version: string,
  now: Instant,
): BrokenCircuit {
  if (state.name === 'closed') throw new TypeError('a closed circuit is not stored');
  const times = { sinceMs: now - (since ?? now), forMs: state.until - now };
  return { accountId, providerId, version, name: state.name, openings, reason: reason ?? '', ...times };
}

function circuitOf({ name, openings, reason, sinceMs, forMs }: BrokenCircuit, now: Instant): Circuit {
  return { state: { name, until: now + forMs }, openings, since: now - sinceMs, reason };
}
