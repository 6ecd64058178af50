/**
 * How the providers of this node fare, and their circuits (src/domain/circuit.ts). Each node judges by the calls that it
 * makes itself; what it opens or closes is written at once and followed by the others within a second. Messages never wait
 * for the database here: a node acts on what it knows, and of two that want to try a broken provider, one gets to.
 */
import { callWindow } from '#domain/call-window.ts';
import type { CallSummary } from '#domain/call-window.ts';
import { CLOSED, brokenForMs, faultOfCall, isFailing, opened } from '#domain/circuit.ts';
import type { Circuit } from '#domain/circuit.ts';
import type { AccountId, ProviderId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { CircuitStore } from '#ports/circuit-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import { startSharingCircuits } from './circuit-sharing.ts';
import { healthBook, setCircuit } from './health-book.ts';
import type { CallResult, CallTotals, KeptHealth } from './health-book.ts';
import type { Loop } from './loop.ts';

/** What is known of a provider's health. */
export interface HealthView extends CallSummary {
  circuit: Circuit;
}

/** May this message go to the provider? `probe`: it may, and what comes of it decides; it must be told, or given back. */
export type Passage = { kind: 'free' } | { kind: 'probe' } | { kind: 'broken'; forMs: number };

/** The health of all providers. */
export interface ProviderHealth extends Loop {
  /** Asked before a call. Whoever has nowhere else to go may call a broken one all the same. */
  ask(config: ProviderConfig): Passage;
  /** How long nothing is sent to it where another can take it; 0: it is used. Takes no probe. */
  brokenForMs(accountId: AccountId, id: ProviderId): number;
  /** What came of a call. */
  note(config: ProviderConfig, call: { result: CallResult; reason: string; tookMs: number; isProbe: boolean }): void;
  /** A probe was not made after all; another message may. */
  giveBack(config: ProviderConfig): void;
  /** Calls back when its circuit opens. The returned function calls it off. */
  whenBroken(config: ProviderConfig, callback: () => void): () => void;
  view(accountId: AccountId, id: ProviderId): HealthView;
  /** Of each provider that this node has used, or that is broken. */
  all(): { accountId: AccountId; id: ProviderId; circuit: Circuit; totals: CallTotals }[];
}

/** Starts following the circuits. */
export function startProviderHealth(store: CircuitStore, clock: Clock, log: Log): ProviderHealth {
  const book = healthBook();
  const loop = startSharingCircuits(book, store, clock, log);

  /** What is decided here is told to the others at once. */
  function decide(one: KeptHealth, circuit: Circuit): void {
    one.probe = 'none';
    one.isDirty = true;
    setCircuit(one, circuit, log);
    loop.hurry();
  }

  return {
    ...loop,
    ask: (config) => {
      const one = book.of(config.accountId, config.id);
      const isChanged = one.config !== null && one.config !== config;
      one.config = config;
      if (one.circuit.state.name === 'closed') return { kind: 'free' };
      const forMs = isChanged && one.circuit.state.name === 'open' ? 0 : brokenForMs(one.circuit, clock.now());
      if (one.probe === 'ours') {
        one.probe = 'used';
        return { kind: 'probe' };
      }
      if (forMs === 0 && one.probe !== 'wanted') {
        one.probe = 'wanted';
        loop.hurry();
      }
      return { kind: 'broken', forMs };
    },
    brokenForMs: (accountId, id) => {
      const one = book.find(accountId, id);
      if (!one || one.circuit.state.name === 'closed') return 0;
      // Until somebody has tried, it is broken, even if its time is up.
      return Math.max(1, brokenForMs(one.circuit, clock.now()));
    },
    note: (config, { result, reason, tookMs, isProbe }) => {
      const one = book.of(config.accountId, config.id);
      const now = clock.now();
      one.totals.calls[result]++;
      one.totals.tookMs += tookMs;
      const fault = result === 'asked' ? null : faultOfCall(result === 'fault' ? reason : null, tookMs);
      if (result !== 'asked') one.window.note(fault !== null, tookMs, now);
      const { name } = one.circuit.state;
      if (isProbe && one.probe === 'used') {
        decide(one, fault === null ? CLOSED : opened(one.circuit, fault, now));
      } else if (name === 'closed' && fault !== null) {
        if (isFailing(one.window.counts(now), one.window.faultsInARow())) decide(one, opened(CLOSED, fault, now));
      }
    },
    giveBack: (config) => {
      const one = book.of(config.accountId, config.id);
      if (one.probe === 'used') one.probe = 'ours';
    },
    whenBroken: (config, callback) => {
      const { waiting } = book.of(config.accountId, config.id);
      waiting.add(callback);
      return () => waiting.delete(callback);
    },
    view: (accountId, id) => {
      const one = book.find(accountId, id);
      const { window, circuit } = one ?? { window: callWindow(), circuit: CLOSED };
      return { circuit, ...window.summary(clock.now()) };
    },
    all: book.all,
  };
}
