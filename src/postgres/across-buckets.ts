import type { Database } from './connection.ts';

/** Asks the buckets one after the other, for what is left of the limit, until it is reached. */
export type AcrossBuckets = <Row>(
  limit: number,
  ask: (bucket: number, rest: number) => Promise<Row[]>,
) => Promise<Row[]>;

/** Begins at the first bucket each time: two calls that change nothing find the same. */
export function acrossBuckets(database: Database): AcrossBuckets {
  return (limit, ask) => walk(database.buckets, 0, limit, ask);
}

/** Begins one bucket further each time: where one bucket has enough for every call, the others are not forgotten. */
export function inTurnAcrossBuckets(database: Database): AcrossBuckets {
  let calls = 0;
  return (limit, ask) => walk(database.buckets, calls++, limit, ask);
}

async function walk<Row>(
  buckets: number,
  first: number,
  limit: number,
  ask: (bucket: number, rest: number) => Promise<Row[]>,
): Promise<Row[]> {
  const found: Row[] = [];
  for (let steps = 0; steps < buckets && found.length < limit; steps++) {
    found.push(...(await ask((first + steps) % buckets, limit - found.length)));
  }
  return found;
}
