import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';

/** Instants are rounded up to this, so that a thousand timers of one moment are one call. */
const TICK_MS = 5;
/** Later instants are left to polling. */
const HORIZON_MS = 4_000;

/** Calls for instants in the near future. */
export interface Ticks {
  at(instant: Instant): void;
  /** Calls off all of them. */
  clear(): void;
}

/** At most {@link HORIZON_MS} / {@link TICK_MS} calls are pending, whatever the load. */
export function createTicks(clock: Clock, callback: () => void): Ticks {
  const pending = new Map<Instant, () => void>();
  return {
    at: (instant) => {
      if (instant > clock.now() + HORIZON_MS) return;
      const tick = Math.ceil(instant / TICK_MS) * TICK_MS;
      if (pending.has(tick)) return;
      const callOff = clock.at(tick, () => {
        pending.delete(tick);
        callback();
      });
      pending.set(tick, callOff);
    },
    clear: () => {
      for (const callOff of pending.values()) callOff();
      pending.clear();
    },
  };
}
