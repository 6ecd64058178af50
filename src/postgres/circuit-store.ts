/** The circuits of providers in PostgreSQL, judged by its clock. A change locks no more than its row, and no longer than a statement. */
import type { BrokenCircuit, CircuitStore } from '#ports/circuit-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';
import { storableText } from './document.ts';

/** Circuits that a node follows; with more of them broken, the others are judged by each node alone. */
const BROKEN_MAX = 10_000;

const BROKEN = {
  name: 'broken_circuits',
  text: `select account_id as "accountId", provider_id as "providerId", version, name, openings, reason,
           extract(epoch from clock_timestamp() - since)::float8 * 1000 as "sinceMs",
           extract(epoch from until - clock_timestamp())::float8 * 1000 as "forMs"
         from provider_circuits order by account_id, provider_id limit ${BROKEN_MAX}`,
};

/** Opens one that is closed; of two at once, one is first. */
const OPEN = {
  name: 'open_circuit',
  text: `insert into provider_circuits (account_id, provider_id, version, name, openings, reason, since, until)
         values ($1, $2, $3, $4, $5, $6, clock_timestamp() - $7 * interval '1 ms', clock_timestamp() + $8 * interval '1 ms')
         on conflict do nothing returning version`,
};

const CHANGE = {
  name: 'change_circuit',
  text: `update provider_circuits set version = $3, name = $4, openings = $5, reason = $6,
           since = clock_timestamp() - $7 * interval '1 ms', until = clock_timestamp() + $8 * interval '1 ms'
         where account_id = $1 and provider_id = $2 and version = $9 returning version`,
};

const CLOSE = {
  name: 'close_circuit',
  text: 'delete from provider_circuits where account_id = $1 and provider_id = $2 and version = $3 returning version',
};

/** The store on an open database. */
export function circuitStore({ queries }: Pick<Database, 'queries'>): CircuitStore {
  return {
    broken: () => run<BrokenCircuit>(queries, BROKEN, []),
    change: async (circuit, basedOn) => {
      const { accountId, providerId, version, name, openings, reason, sinceMs, forMs } = circuit;
      const values = [accountId, providerId, version, name, openings, storableText(reason), sinceMs, forMs];
      if (basedOn === null) return (await run(queries, OPEN, values)).length === 1;
      return (await run(queries, CHANGE, [...values, basedOn])).length === 1;
    },
    close: async ({ accountId, providerId }, basedOn) =>
      (await run(queries, CLOSE, [accountId, providerId, basedOn])).length === 1,
  };
}
