/**
 * What stands between the engine and a provider: how many calls at once, how many a second, and a pause that the provider
 * asked for. Where calls have to wait, single transactions go before those of batches, but one call in ten is a batch's: so
 * that none waits for ever. Few wait here, and briefly; where a limit is set, the others are told to wait in their rows.
 */
import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';
import { waitingLine } from './waiting-line.ts';
import type { WaitingLine } from './waiting-line.ts';

/** Of so many calls one is a batch's, whatever else waits. */
const BULK_EVERY = 10;
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
  const lines = { single: waitingLine(), bulk: waitingLine() };
  const announced = { single: [] as { left: number }[], bulk: [] as { left: number }[] };
  let sinceBulk = 0;
  let under = 0;
  let concurrency = 0;
  let limits: GateLimits | null = null;
  let isClosed = false;
  let pausedUntil: Instant = 0;

  const classOf = (isBulk: boolean) => (isBulk ? 'bulk' : 'single');
  const expected = (isBulk: boolean) => announced[classOf(isBulk)].reduce((sum, { left }) => sum + left, 0);

  function nextLine(): WaitingLine {
    if (lines.single.length() === 0) return lines.bulk;
    return lines.bulk.length() > 0 && sinceBulk >= BULK_EVERY - 1 ? lines.bulk : lines.single;
  }

  function letIn(line: WaitingLine): void {
    under++;
    sinceBulk = line === lines.bulk ? 0 : sinceBulk + 1;
  }

  function admit(): void {
    for (;;) {
      const line = nextLine();
      if (under >= concurrency || line.length() === 0 || limits?.tryTake() === false) return;
      letIn(line);
      line.shift()(true);
    }
  }

  /** Singles stand behind singles only, batches behind everybody; one of a batch may always wait, for the one in ten. */
  function isFull(isBulk: boolean, max: number): boolean {
    const [single, bulk] = [lines.single.length(), lines.bulk.length()];
    return isBulk ? single + bulk >= max && bulk >= Math.min(1, max) : single >= max;
  }

  function arrived(isBulk: boolean): void {
    const oldest = announced[classOf(isBulk)].find(({ left }) => left > 0);
    if (oldest) oldest.left--;
  }

  return {
    enter: (isBulk = false) => {
      arrived(isBulk);
      const line = lines[classOf(isBulk)];
      const isFree = lines.single.length() + lines.bulk.length() === 0 && under < concurrency;
      if (isFree && limits?.tryTake() !== false) {
        letIn(line);
        return Promise.resolve(true);
      }
      if (limits && (isClosed || isFull(isBulk, limits.waitingMax()))) return Promise.resolve(false);
      return new Promise((resolve) => {
        const turnAway = line.push(resolve);
        limits?.clock.at(limits.clock.now() + PATIENCE_MS, turnAway);
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
    demand: () => Math.max(0, Math.min(lines.single.length() + lines.bulk.length(), concurrency - under)),
    room: (isBulk) => {
      if (!limits) return Infinity;
      const max = Math.ceil(limits.waitingMax() / 2);
      const singles = lines.single.length() + expected(false);
      if (!isBulk) return Math.max(0, max - singles);
      const bulk = lines.bulk.length() + expected(true);
      return Math.max(max - singles - bulk, bulk === 0 ? Math.min(1, max) : 0, 0);
    },
    announce: (count, isBulk) => {
      if (!limits || count === 0) return;
      const list = announced[classOf(isBulk)];
      const one = { left: count };
      list.push(one);
      limits.clock.at(limits.clock.now() + ANNOUNCED_MS, () => void list.splice(list.indexOf(one), 1));
    },
    close: () => {
      isClosed = true;
      if (!limits) return;
      for (const line of [lines.single, lines.bulk]) while (line.length() > 0) line.shift()(false);
    },
    pauseUntil: (instant) => {
      pausedUntil = Math.max(pausedUntil, instant);
    },
    pausedForMs: (now) => Math.max(0, pausedUntil - now),
  };
}
