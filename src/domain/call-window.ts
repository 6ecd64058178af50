/** What came of the latest calls to a provider, on one node: enough to judge its health, in little memory. */
import type { Instant } from './time.ts';

/** How far back calls count. */
const WINDOW_MS = 30_000;
/** The window moves in steps of this. */
const STEP_MS = 1_000;
const STEPS = WINDOW_MS / STEP_MS;
/** Calls whose duration is remembered. */
const DURATIONS_MAX = 200;

/** The calls of the window. */
export interface CallSummary {
  calls: number;
  /** Of these, the ones that failed by the provider's own fault. */
  faults: number;
  /** Durations of the latest calls, in ms; null: there were none. */
  p50Ms: number | null;
  p95Ms: number | null;
}

/** Notes calls and sums them up. */
export interface CallWindow {
  note(isFault: boolean, tookMs: number, now: Instant): void;
  /** Faults since the last call that went well. */
  faultsInARow(): number;
  /** Calls and faults of the window alone: cheap, asked with every fault. */
  counts(now: Instant): { calls: number; faults: number };
  summary(now: Instant): CallSummary;
  /** Forgets what was counted; what is known of durations stays. */
  restart(): void;
}

/** A window with nothing in it. */
export function callWindow(): CallWindow {
  /** Of each step of the ring: which one it is of all time, and what it counted. */
  let steps: ({ number: number; calls: number; faults: number } | undefined)[] = [];
  const durations: { at: Instant; tookMs: number }[] = [];
  let noted = 0;
  let inARow = 0;

  function counts(now: Instant): { calls: number; faults: number } {
    const current = Math.floor(now / STEP_MS);
    let [calls, faults] = [0, 0];
    for (const step of steps) {
      // A clock that was put back leaves steps of the future: they count until they are used again.
      if (step === undefined || step.number <= current - STEPS) continue;
      calls += step.calls;
      faults += step.faults;
    }
    return { calls, faults };
  }

  return {
    note: (isFault, tookMs, now) => {
      const number = Math.floor(now / STEP_MS);
      const at = ((number % STEPS) + STEPS) % STEPS;
      const known = steps[at];
      const step = known?.number === number ? known : { number, calls: 0, faults: 0 };
      step.calls++;
      if (isFault) step.faults++;
      steps[at] = step;
      inARow = isFault ? inARow + 1 : 0;
      durations[noted++ % DURATIONS_MAX] = { at: now, tookMs };
    },
    faultsInARow: () => inARow,
    counts,
    summary: (now) => {
      const recent = durations.filter(({ at }) => at > now - WINDOW_MS).map(({ tookMs }) => tookMs);
      const sorted = recent.toSorted((a, b) => a - b);
      const share = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? null;
      return { ...counts(now), p50Ms: share(0.5), p95Ms: share(0.95) };
    },
    restart: () => {
      steps = [];
      inARow = 0;
    },
  };
}
