/** Nodes in PostgreSQL, judged by its clock. */
import type { NodeStore } from '#ports/node-store.ts';
import { run } from './connection.ts';
import type { Database } from './connection.ts';

const JOIN = { name: 'join', text: 'insert into nodes (name) values ($1) returning id' };
const BEAT = { name: 'beat', text: 'update nodes set beat_at = now() where id = $1 returning id' };
const DEAD = {
  name: 'dead',
  text: `select id from nodes where beat_at < now() - $1 * interval '1 millisecond' order by id`,
};
const LEAVE = { name: 'leave', text: 'delete from nodes where id = $1' };

/** The store on an open database. */
export function nodeStore(database: Database): NodeStore {
  const { queries } = database;
  return {
    join: async (name) => (await run<{ id: number }>(queries, JOIN, [name]))[0]!.id,
    beat: async (node) => (await run(queries, BEAT, [node])).length === 1,
    dead: async (silentMs) => (await run<{ id: number }>(queries, DEAD, [silentMs])).map(({ id }) => id),
    leave: async (node) => void (await run(queries, LEAVE, [node])),
  };
}
