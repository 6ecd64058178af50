/** Reading what many ask for: what is asked for at once is read once, and what was used last is kept. */

/** Finds the value of a name kept, or reads it; null: there is none. */
export type KeptReading<Value> = (name: string, read: () => Promise<Value | null>) => Promise<Value | null>;

/**
 * Nothing kept yet. Those used longest ago go first.
 * @param weightMax of all that is kept; what is heavier by itself is not.
 */
export function keptReading<Value>(weightMax: number, weightOf: (value: Value) => number): KeptReading<Value> {
  const kept = new Map<string, { value: Value; weight: number }>();
  const reading = new Map<string, Promise<Value | null>>();
  let weight = 0;

  function keep(name: string, value: Value): void {
    const its = weightOf(value);
    if (its > weightMax) return;
    kept.set(name, { value, weight: its });
    weight += its;
    for (const [oldest, { weight: freed }] of kept) {
      if (weight <= weightMax) return;
      kept.delete(oldest);
      weight -= freed;
    }
  }

  async function readAndKeep(name: string, read: () => Promise<Value | null>): Promise<Value | null> {
    const value = await read();
    if (value !== null) keep(name, value);
    return value;
  }

  return (name, read) => {
    const known = kept.get(name);
    if (known) {
      kept.delete(name);
      kept.set(name, known);
      return Promise.resolve(known.value);
    }
    const underWay = reading.get(name);
    if (underWay) return underWay;
    const wanted = readAndKeep(name, read).finally(() => reading.delete(name));
    reading.set(name, wanted);
    return wanted;
  };
}
