/** Who waits at a gate: single transactions before those of batches, of which one in ten is taken all the same. */
import { waitingLine } from './waiting-line.ts';
import type { Told } from './waiting-line.ts';

/** Of so many taken one is a batch's, whatever else waits. */
const BULK_EVERY = 10;

/** The two classes of those who wait, and who is on the way to them. */
export interface PriorityLine {
  /** All who wait. */
  length(): number;
  /** @returns turns it away, unless it has left the line already. */
  push(told: Told, isBulk: boolean): () => void;
  /** Takes the next one out. There is one. */
  shift(): Told;
  /** One came in without waiting. */
  passed(isBulk: boolean): void;
  /** Singles stand behind singles only, batches behind everybody; one of a batch may always wait, for the one in ten. */
  isFull(isBulk: boolean, max: number): boolean;
  /** How many more of the class fit in, those on their way counted. */
  room(isBulk: boolean, max: number): number;
  /** So many are on their way; the returned function forgets those of them that have not arrived. */
  announce(count: number, isBulk: boolean): () => void;
  /** One is here, announced or not. */
  arrived(isBulk: boolean): void;
}

/** Nobody yet. */
export function priorityLine(): PriorityLine {
  const lines = { single: waitingLine(), bulk: waitingLine() };
  const announced = { single: [] as { left: number }[], bulk: [] as { left: number }[] };
  let sinceBulk = 0;

  const classOf = (isBulk: boolean) => (isBulk ? 'bulk' : 'single');
  const expected = (isBulk: boolean) => announced[classOf(isBulk)].reduce((sum, { left }) => sum + left, 0);

  function isBulkNext(): boolean {
    if (lines.bulk.length() === 0) return false;
    return lines.single.length() === 0 || sinceBulk >= BULK_EVERY - 1;
  }

  function passed(isBulk: boolean): void {
    sinceBulk = isBulk ? 0 : sinceBulk + 1;
  }

  return {
    length: () => lines.single.length() + lines.bulk.length(),
    push: (told, isBulk) => lines[classOf(isBulk)].push(told),
    shift: () => {
      const isBulk = isBulkNext();
      passed(isBulk);
      return lines[classOf(isBulk)].shift();
    },
    passed,
    isFull: (isBulk, max) => {
      const [single, bulk] = [lines.single.length(), lines.bulk.length()];
      return isBulk ? single + bulk >= max && bulk >= Math.min(1, max) : single >= max;
    },
    room: (isBulk, max) => {
      const singles = lines.single.length() + expected(false);
      if (!isBulk) return Math.max(0, max - singles);
      const bulk = lines.bulk.length() + expected(true);
      return Math.max(max - singles - bulk, bulk === 0 ? Math.min(1, max) : 0, 0);
    },
    announce: (count, isBulk) => {
      const list = announced[classOf(isBulk)];
      const some = { left: count };
      list.push(some);
      return () => void list.splice(list.indexOf(some), 1);
    },
    arrived: (isBulk) => {
      const oldest = announced[classOf(isBulk)].find(({ left }) => left > 0);
      if (oldest) oldest.left--;
    },
  };
}
