/** Places kept of those who are gone, before they are cleared away. */
const COMPACT_FROM = 1_000;

/** Told true when it may come in, false when it must not wait any longer. */
export type Told = (comesIn: boolean) => void;

/** Who waits at a gate, in the order of coming. */
export interface WaitingLine {
  length(): number;
  /** @returns turns it away, unless it has left the line already. */
  push(told: Told): () => void;
  /** Takes the first one out, who must be told. There is one. */
  shift(): Told;
}

/** An empty line. Each step costs the same, however long it is. */
export function waitingLine(): WaitingLine {
  let all: (Told | null)[] = [];
  /** How many have been cleared away, and the first one that may still be there. */
  let cleared = 0;
  let head = 0;
  let length = 0;

  function skipGone(): void {
    while (head < all.length && all[head] === null) head++;
    if (head < all.length && head < COMPACT_FROM) return;
    all = all.slice(head);
    cleared += head;
    head = 0;
  }

  function takeOut(index: number): Told | null {
    const told = all[index] ?? null;
    if (told === null) return null;
    all[index] = null;
    length--;
    skipGone();
    return told;
  }

  return {
    length: () => length,
    push: (told) => {
      const place = cleared + all.push(told) - 1;
      length++;
      return () => {
        if (place >= cleared) takeOut(place - cleared)?.(false);
      };
    },
    shift: () => takeOut(head)!,
  };
}
