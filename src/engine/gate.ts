/**
 * What stands between the engine and a provider: how many calls at once, how many a second, and a pause that the provider
 * asked for. Where calls have to wait, single transactions go before those of batches, but one call in ten is a batch's: so
 * that none waits for ever. Few wait here, and briefly; where a limit is set, the others are told to wait in their rows.
 */
import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';
import { priorityLine } from './priority-line.ts';

/** Who has waited for so long at a limited gate is told to wait in his row. */
const PATIENCE_MS = 2_000;
/** What has been announced and does not come is not counted any longer. */
const ANNOUNCED_MS = 1_000;

/** What a limited gate asks before it lets somebody through. */
export interface GateLimits {
  /** Takes a token; false when there is none now. */
  tryTake(): boolean;
  giveBack(): void;
  /** How many may wait here. */
  waitingMax(): number;
  clock: Clock;
}

/** One provider's gate on this node. */
export interface Gate {
  /**
   * Resolves with true when the call may begin, and {@link Gate.leave} must follow; with false when it must wait elsewhere,
   * which happens only where limits are set.
   */
  enter(isBulk?: boolean): Promise<boolean>;
  /** @param wasUnused there was no call: others may have its token. */
  leave(wasUnused?: boolean): void;
  /** Changes how many calls there may be at once; those under way go on. */
  widen(concurrency: number): void;
  /** Null: none. Those who wait go on waiting. */
  setLimits(limits: GateLimits | null): void;
  /** Lets in whoever may come in now. */
  admit(): void;
  /** How many would come in now if there were tokens. */
  demand(): number;
  /** How many more should be sent here: as many as wait for half as long as they may. Infinite without limits. */
  room(isBulk: boolean): number;
  /** So many are on their way here. */
  announce(count: number, isBulk: boolean): void;
  /** From now on nobody waits here: the node stops. */
  close(): void;
  /** Nothing is sent before the instant: the provider said so. */
  pauseUntil(instant: Instant): void;
  /** Milliseconds still to wait; 0: none. */
  pausedForMs(now: Instant): number;
}

/** A gate that lets nobody through until it is widened. */
export function createGate(): Gate {
  const line = priorityLine();
  let under = 0;
  let concurrency = 0;
  let limits: GateLimits | null = null;
  let isClosed = false;
  let pausedUntil: Instant = 0;

  function mayOneCome(): boolean {
    return under < concurrency && limits?.tryTake() !== false;
  }

  function admit(): void {
    while (line.length() > 0 && mayOneCome()) {
      under++;
      line.shift()(true);
    }
  }

  /** The timer for those who are to come, or to wait, no longer than so. */
  function after(ms: number, callback: () => void): void {
    limits?.clock.at(limits.clock.now() + ms, callback);
  }

  return {
    enter: (isBulk = false) => {
      line.arrived(isBulk);
      if (line.length() === 0 && mayOneCome()) {
        under++;
        line.passed(isBulk);
        return Promise.resolve(true);
      }
      if (limits && (isClosed || line.isFull(isBulk, limits.waitingMax()))) return Promise.resolve(false);
      return new Promise((resolve) => {
        after(PATIENCE_MS, line.push(resolve, isBulk));
        admit();
      });
    },
    leave: (wasUnused = false) => {
      under--;
      if (wasUnused) limits?.giveBack();
      admit();
    },
    widen: (wider) => {
      concurrency = wider;
      admit();
    },
    setLimits: (given) => {
      limits = given;
      admit();
    },
    admit,
    demand: () => Math.max(0, Math.min(line.length(), concurrency - under)),
    room: (isBulk) => (limits ? line.room(isBulk, Math.ceil(limits.waitingMax() / 2)) : Infinity),
    announce: (count, isBulk) => {
      if (limits && count > 0) after(ANNOUNCED_MS, line.announce(count, isBulk));
    },
    close: () => {
      isClosed = true;
      if (!limits) return;
      while (line.length() > 0) line.shift()(false);
    },
    pauseUntil: (instant) => {
      pausedUntil = Math.max(pausedUntil, instant);
    },
    pausedForMs: (now) => Math.max(0, pausedUntil - now),
  };
}
