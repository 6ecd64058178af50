/** A room that holds so much: bytes of files, or transactions that are being accepted. */

/** Lets in as much as there is room for, in the order of asking; what is larger than the room comes in alone. */
export interface Room {
  enter(size: number): Promise<void>;
  leave(size: number): void;
}

/** An empty room. */
export function createRoom(max: number): Room {
  const waiting: { size: number; admit(): void }[] = [];
  let used = 0;

  const fits = (size: number): boolean => used === 0 || used + size <= max;

  return {
    enter: (size) => {
      if (waiting.length === 0 && fits(size)) {
        used += size;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push({ size, admit: resolve }));
    },
    leave: (size) => {
      used -= size;
      while (waiting[0] && fits(waiting[0].size)) {
        const { size: next, admit } = waiting.shift()!;
        used += next;
        admit();
      }
    },
  };
}
