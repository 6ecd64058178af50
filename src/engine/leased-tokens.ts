/**
 * This node's part of a token bucket that all nodes share (semantics §9). Tokens are leased some way ahead of their use and
 * taken from memory; what was used is told with the next ask, at the latest half a second later.
 */
import type { NodeId } from '#domain/ids.ts';
import type { BucketRate } from '#domain/shared-bucket.ts';
import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';
import type { TokenStore } from '#ports/token-store.ts';
import { tokenBook } from './token-book.ts';
import type { Standing, TokenBook } from './token-book.ts';

/** A bucket that was found empty is not asked again sooner, … */
const EMPTY_MIN_MS = 40;
/** … nor much later: others may give back what they hold, or the rate may change. */
const EMPTY_MAX_MS = 1_000;
/** After the database could not be asked. */
const FAULT_MS = 500;

/** What leasing needs. */
export interface LeaseTools {
  tokens: TokenStore;
  clock: Clock;
  node(): NodeId;
  /** Told when there is something to be told, renewed or given back: {@link LeasedTokens.tick} is then called now and then. */
  onActive(tokens: LeasedTokens): void;
}

/** The bucket on this node. */
export interface LeasedTokens {
  /** Takes one of those held; false when none is. Sees to it that there will be some. */
  tryTake(): boolean;
  /** Takes one, asking for it where none is held; false when there is none. Throws when the bucket cannot be asked. */
  take(): Promise<boolean>;
  /** Uses up tokens whether they are there or not. */
  use(count: number): void;
  /** What was taken was not used. */
  giveBack(): void;
  /** The bucket has another rate from now on. */
  setRate(rate: BucketRate): void;
  standing(): Standing;
  /** Asks the bucket, so that the {@link standing} is that of all nodes. */
  look(): Promise<void>;
  /** Nodes that use the bucket, this one included. */
  sharers(): number;
  /** Tells, renews or gives back what has become due; false when nothing ever will until it is used again. */
  tick(): Promise<boolean>;
  /** Tells what was used, and gives back the rest. */
  close(): Promise<void>;
}

/** Who waits for tokens without asking for them one by one. */
export interface Taker {
  /** How many would be taken now. */
  demand(): number;
  /** There may be some. */
  onAnswer(): void;
}

const NOBODY: Taker = { demand: () => 0, onAnswer: () => undefined };

/** A bucket that nothing has been leased of yet. */
export function leasedTokens(tools: LeaseTools, name: string, rate: BucketRate, taker: Taker = NOBODY): LeasedTokens {
  const { clock } = tools;
  const book = tokenBook(rate, clock.now());
  const asker = createAsker(tools, name, book, taker, () => tools.onActive(self));

  const self: LeasedTokens = {
    tryTake: () => {
      const hasOne = book.take(clock.now());
      if (hasOne) tools.onActive(self);
      if (book.isLow() || (!hasOne && taker.demand() > 0)) asker.askSoon();
      return hasOne;
    },
    take: async () => {
      for (;;) {
        if (self.tryTake()) return true;
        if (asker.knowsThereIsNone()) return false;
        await asker.askFor();
      }
    },
    use: (count) => {
      book.use(count, clock.now());
      tools.onActive(self);
    },
    giveBack: book.giveBack,
    setRate: (next) => {
      if (!book.setRate(next)) return;
      asker.forgetPause();
      if (taker.demand() > 0) asker.askSoon();
    },
    standing: () => book.standing(clock.now()),
    look: asker.askAnew,
    sharers: book.sharers,
    tick: async () => {
      if (asker.isAsking()) return true;
      const due = book.due(clock.now(), asker.askedAt());
      if (due) await asker.ask(due.leaves);
      return book.isOpen(clock.now());
    },
    close: async () => {
      asker.forgetPause();
      if (book.isOpen(clock.now())) await asker.askAnew(true);
    },
  };
  return self;
}

/** Asks for a bucket's tokens, once at a time, and not without pause where there is nothing. */
function createAsker(
  { clock, tokens, node }: LeaseTools,
  name: string,
  book: TokenBook,
  taker: Taker,
  onAsk: () => void,
) {
  const pause = createPause(clock);
  let askedAt: Instant = 0;
  let waiting = 0;
  let asking: Promise<void> | null = null;

  function ask(leaves = false): Promise<void> {
    asking ??= askNow(leaves).finally(() => {
      asking = null;
      taker.onAnswer();
    });
    return asking;
  }

  async function askNow(leaves: boolean): Promise<void> {
    const startedAt = (askedAt = clock.now());
    const setPause = pause.begin();
    const told = book.ask(startedAt, Math.max(waiting, taker.demand()), leaves);
    onAsk();
    try {
      const grant = await tokens.exchange(name, { ...told, node: node() });
      book.answered(clock.now(), startedAt, leaves, grant);
      if (grant.tokens < told.want) setPause(Math.min(Math.max(grant.nextInMs, EMPTY_MIN_MS), EMPTY_MAX_MS));
    } catch (error) {
      book.failed(told);
      setPause(FAULT_MS);
      throw error;
    }
  }

  function run(): void {
    if (!asking) ask().catch(() => undefined); // who waits for it is told, and the tick says what is wrong
  }

  return {
    ask,
    isAsking: () => asking !== null,
    askedAt: () => askedAt,
    knowsThereIsNone: () => !asking && pause.isOn(),
    forgetPause: pause.forget,
    /** For one who waits for a token of his own. */
    askFor: async () => {
      waiting += 1;
      await ask().finally(() => (waiting -= 1));
    },
    /** Not content with an ask that is under way. */
    askAnew: async (leaves = false) => {
      await asking;
      await ask(leaves);
    },
    /** As soon as it may. */
    askSoon: () => {
      if (!asking) pause.afterwards(run);
    },
  };
}

/** The time in which a bucket is not asked. */
function createPause(clock: Clock) {
  let until: Instant = 0;
  let callOff: (() => void) | null = null;
  let forgotten = 0;
  return {
    isOn: () => clock.now() < until,
    /** Ends it. The returned function sets another one, unless it has been forgotten meanwhile: an answer for another rate says nothing. */
    begin: () => {
      until = 0;
      const before = forgotten;
      return (ms: number) => {
        if (forgotten === before) until = clock.now() + ms;
      };
    },
    forget: () => {
      forgotten++;
      until = 0;
      callOff?.();
      callOff = null;
    },
    /** Calls when it is over, once. */
    afterwards: (callback: () => void) => {
      if (callOff) return;
      if (until <= clock.now()) return callback();
      callOff = clock.at(until, () => {
        callOff = null;
        callback();
      });
    },
  };
}
