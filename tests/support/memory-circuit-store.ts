/** Circuits in memory, for tests of those who share them. */
import type { BrokenCircuit, CircuitStore } from '#ports/circuit-store.ts';
import type { Clock } from '#ports/clock.ts';

/** The store, and what is in it. */
export interface MemoryCircuitStore extends CircuitStore {
  rows: Map<string, BrokenCircuit>;
  /** When set, thrown by each call. */
  fault: Error | null;
}

/** An empty store on this clock. */
export function memoryCircuitStore(clock: Clock): MemoryCircuitStore {
  const writtenAt = new Map<string, number>();
  const keyOf = ({ accountId, providerId }: Pick<BrokenCircuit, 'accountId' | 'providerId'>) =>
    `${accountId} ${providerId}`;
  const store: MemoryCircuitStore = {
    rows: new Map(),
    fault: null,
    broken: async () => {
      if (store.fault) throw store.fault;
      return [...store.rows].map(([key, row]) => {
        const ageMs = clock.now() - writtenAt.get(key)!;
        return { ...row, sinceMs: row.sinceMs + ageMs, forMs: row.forMs - ageMs };
      });
    },
    change: async (circuit, basedOn) => {
      if (store.fault) throw store.fault;
      const key = keyOf(circuit);
      if ((store.rows.get(key)?.version ?? null) !== basedOn) return false;
      store.rows.set(key, circuit);
      writtenAt.set(key, clock.now());
      return true;
    },
    close: async (owner, basedOn) => {
      if (store.fault) throw store.fault;
      const key = keyOf(owner);
      if (store.rows.get(key)?.version !== basedOn) return false;
      return store.rows.delete(key);
    },
  };
  return store;
}
