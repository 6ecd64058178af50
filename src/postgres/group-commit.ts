/**
 * Group commit: callers speak of one item at a time, the database hears of many at once.
 *
 * Calls made while a batch is under way wait and form the next one, so a batch grows with the load by itself and an idle
 * system adds no delay. One batch is in flight at a time: two batches never lock the same rows in opposite orders.
 */
import { OverloadedError, StoreUnavailableError } from '#ports/unavailable.ts';

/** Items in one statement. */
const BATCH_MAX = 500;
/** Items waiting, over which a call is refused rather than the queue growing. */
const WAITING_MAX = 50_000;
/** A batch under way for longer is taken for a database that hangs: what waits behind it is refused, none of it was sent. */
const STALL_MS = 3_000;

/** What a group commit is made of. */
export interface GroupCommitOptions<Item, Result> {
  /** Writes a batch in one unit of work and answers for each item, in order. */
  run(items: Item[]): Promise<Result[]>;
  /** Items of the same key never share a batch: the later one waits for the next. */
  key?(item: Item): string;
  batchMax?: number;
  waitingMax?: number;
  stallMs?: number;
  /**
   * Whether the callers of a batch that hangs are told so as well. What they wrote may yet be done: only for writes that
   * somebody else will find then.
   */
  abandonsStalled?: boolean;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Makes a function that hands its item to the next batch.
 * @returns a promise of the item's own result; rejected with the batch's error, or, when that error is one item's fault,
 *   only for that item: a batch that fails while the database is there is repeated in halves, and these in halves.
 */
export function groupCommit<Item, Result>(options: GroupCommitOptions<Item, Result>): (item: Item) => Promise<Result> {
  const { run, key, batchMax = BATCH_MAX, waitingMax = WAITING_MAX, stallMs = STALL_MS } = options;
  const { abandonsStalled = false } = options;
  let waiting: Waiting<Item, Result>[] = [];
  let isBusy = false;
  let underWay: Waiting<Item, Result>[] | null = null;
  let isStalled = false;

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const { batch, rest } = split(waiting, batchMax, key);
      waiting = rest;
      underWay = batch;
      // A process that slept finds the timer due before it reads the answer that has been there for long: one turn more.
      const timer = setTimeout(() => setImmediate(() => underWay === batch && stall(batch)), stallMs);
      await settle(batch, run);
      clearTimeout(timer);
      underWay = null;
      isStalled = false;
    }
    isBusy = false;
  }

  function stall(batch: Waiting<Item, Result>[]): void {
    isStalled = true;
    const refused = abandonsStalled ? [...batch, ...waiting] : waiting;
    waiting = [];
    for (const { reject } of refused) reject(new StoreUnavailableError(STALLED));
  }

  return (item) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= waitingMax)
        return reject(new OverloadedError(`more than ${waitingMax} writes are waiting`));
      if (isStalled) return reject(new StoreUnavailableError(STALLED));
      waiting.push({ item, resolve, reject });
      if (isBusy) return;
      isBusy = true;
      // The next turn of the event loop: what else arrived in this one joins the batch.
      setImmediate(() => void drain());
    });
}

const STALLED = 'PostgreSQL does not answer';

function split<Item, Result>(
  waiting: Waiting<Item, Result>[],
  batchMax: number,
  key: ((item: Item) => string) | undefined,
): { batch: Waiting<Item, Result>[]; rest: Waiting<Item, Result>[] } {
  if (!key) return { batch: waiting.slice(0, batchMax), rest: waiting.slice(batchMax) };
  const keys = new Set<string>();
  const batch: Waiting<Item, Result>[] = [];
  const rest: Waiting<Item, Result>[] = [];
  for (const [index, one] of waiting.entries()) {
    if (batch.length >= batchMax) return { batch, rest: rest.concat(waiting.slice(index)) };
    const itsKey = key(one.item);
    (keys.has(itsKey) ? rest : batch).push(one);
    keys.add(itsKey);
  }
  return { batch, rest };
}

/** Runs the batch and settles every promise; never rejects itself. Once the database is away, nothing more of it is tried. */
async function settle<Item, Result>(
  whole: Waiting<Item, Result>[],
  run: (items: Item[]) => Promise<Result[]>,
): Promise<void> {
  const parts = [whole];
  for (let batch = parts.pop(); batch !== undefined; batch = parts.pop()) {
    try {
      const results = await run(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(results[index]!));
    } catch (error) {
      if (error instanceof StoreUnavailableError)
        return [batch, ...parts].flat().forEach(({ reject }) => reject(error));
      if (batch.length === 1) batch[0]!.reject(error);
      else {
        const middle = Math.ceil(batch.length / 2);
        parts.push(batch.slice(middle), batch.slice(0, middle));
      }
    }
  }
}
