/** What a node keeps of its providers' health, one by one. */
import { callWindow } from '#domain/call-window.ts';
import type { CallWindow } from '#domain/call-window.ts';
import { CLOSED } from '#domain/circuit.ts';
import type { Circuit } from '#domain/circuit.ts';
import type { AccountId, ProviderId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Log } from '#ports/log.ts';

/** Providers whose health is kept; of more, those known longest are forgotten. */
const PROVIDERS_MAX = 10_000;

/** What a call came to, as far as the provider's health is concerned. `asked`: nothing can be said. */
export type CallResult = 'good' | 'fault' | 'asked';

/** What a node has done since its start. */
export interface CallTotals {
  calls: Record<CallResult, number>;
  tookMs: number;
}

/** One provider. */
export interface KeptHealth {
  accountId: AccountId;
  id: ProviderId;
  /** As it was when it was last asked; another one deserves to be tried. */
  config: ProviderConfig | null;
  window: CallWindow;
  circuit: Circuit;
  /** Of what is stored; null: nothing is. */
  version: string | null;
  /** What is known here has yet to be written. */
  isDirty: boolean;
  /** The right to probe: asked for, ours, or used by a message that is on its way. */
  probe: 'none' | 'wanted' | 'ours' | 'used';
  waiting: Set<() => void>;
  totals: CallTotals;
}

/** All of them. */
export interface HealthBook {
  /** The provider's, a fresh one where there is none. */
  of(accountId: AccountId, id: ProviderId): KeptHealth;
  find(accountId: AccountId, id: ProviderId): KeptHealth | undefined;
  all(): KeptHealth[];
}

/** An empty one. */
export function healthBook(): HealthBook {
  const kept = new Map<string, KeptHealth>();
  return {
    of: (accountId, id) => {
      const key = keyOf(accountId, id);
      const known = kept.get(key);
      if (known) return known;
      if (kept.size >= PROVIDERS_MAX) forgetOne(kept);
      const one = fresh(accountId, id);
      kept.set(key, one);
      return one;
    },
    find: (accountId, id) => kept.get(keyOf(accountId, id)),
    all: () => [...kept.values()],
  };
}

/** Sets its circuit; one that opens is told to whoever waits for the provider. */
export function setCircuit(one: KeptHealth, circuit: Circuit, log: Log): void {
  const wasClosed = one.circuit.state.name === 'closed';
  const isClosed = circuit.state.name === 'closed';
  one.circuit = circuit;
  if (isClosed) one.window.restart();
  if (wasClosed === isClosed) return;
  const about = { accountId: one.accountId, provider: one.id, reason: circuit.reason };
  if (isClosed) return log.info(about, 'a provider works again');
  log.warn(about, 'a provider keeps failing');
  for (const callback of one.waiting) callback();
}

/** No id has a line break. */
function keyOf(accountId: AccountId, id: ProviderId): string {
  return `${accountId}\n${id}`;
}

function fresh(accountId: AccountId, id: ProviderId): KeptHealth {
  const known = { config: null, window: callWindow(), circuit: CLOSED, version: null };
  const totals = { calls: { good: 0, fault: 0, asked: 0 }, tookMs: 0 };
  return { accountId, id, ...known, isDirty: false, probe: 'none', waiting: new Set(), totals };
}

/** A broken one is not forgotten, nor one that messages wait for. */
function forgetOne(kept: Map<string, KeptHealth>): void {
  for (const [key, { circuit, isDirty, waiting }] of kept) {
    if (circuit.state.name !== 'closed' || isDirty || waiting.size > 0) continue;
    kept.delete(key);
    return;
  }
}
