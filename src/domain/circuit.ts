/**
 * The circuit of a provider: while it keeps failing, messages that another provider can take are not sent to it.
 *
 *     closed ──it keeps failing──▶ open ──its time is up──▶ half_open ──the probe went well──▶ closed
 *                                    ▲                          │
 *                                    └──the probe failed────────┘   for twice as long
 *
 * The state is shared by all nodes; each judges by its own calls. It holds up no message that has nowhere else to go.
 */
import type { Instant } from './time.ts';

/** So many faults in a row open it. */
export const FAULTS_IN_A_ROW = 5;
/** So do faults that are this share of at least so many calls of the window. */
const FAULTS_SHARE = 0.5;
const CALLS_MIN = 20;
/** A call that takes so long has failed as far as health is concerned, whatever came of it. */
const SLOW_MS = 5_000;
/** How long it is open: at first, and at most. Each failed probe doubles it. */
const OPEN_MS = 5_000;
const OPEN_MAX_MS = 60_000;
/** How long a probe is waited for; then there may be another one. Longer than most vendors' timeouts. */
const PROBE_MS = 15_000;

/** Where a circuit is. */
export type CircuitState =
  /** It is used as ever. */
  | { name: 'closed' }
  /** It is not used where another provider can take the message. From `until` one message may try. */
  | { name: 'open'; until: Instant }
  /** One message is trying. If nothing is heard of it by `until`, another one may. */
  | { name: 'half_open'; until: Instant };

/** A circuit with its history. */
export interface Circuit {
  state: CircuitState;
  /** How often it has opened since it was last closed. */
  openings: number;
  /** When it opened first; null: it is closed. */
  since: Instant | null;
  /** The last fault; null: it is closed. */
  reason: string | null;
}

/** As all begin. */
export const CLOSED: Circuit = { state: { name: 'closed' }, openings: 0, since: null, reason: null };

/** True when the calls of a window say that the provider fails. */
export function isFailing({ calls, faults }: { calls: number; faults: number }, faultsInARow: number): boolean {
  return faultsInARow >= FAULTS_IN_A_ROW || (calls >= CALLS_MIN && faults >= calls * FAULTS_SHARE);
}

/** Why a call speaks against its provider; null: it does not. @param fault the provider's own, if there was one. */
export function faultOfCall(fault: string | null, tookMs: number): string | null {
  return fault ?? (tookMs >= SLOW_MS ? 'slow' : null);
}

/** Opened, or opened again for longer. */
export function opened(circuit: Circuit, reason: string, now: Instant): Circuit {
  const forMs = Math.min(OPEN_MS * 2 ** circuit.openings, OPEN_MAX_MS);
  const state = { name: 'open', until: now + forMs } as const;
  return { state, openings: circuit.openings + 1, since: circuit.since ?? now, reason };
}

/** While a probe is on its way. */
export function probing(circuit: Circuit, now: Instant): Circuit {
  return { ...circuit, state: { name: 'half_open', until: now + PROBE_MS } };
}

/** How long nothing is sent where another provider can take it, in ms; 0: it is closed, or somebody may try. */
export function brokenForMs({ state }: Circuit, now: Instant): number {
  return state.name === 'closed' ? 0 : Math.max(0, state.until - now);
}
