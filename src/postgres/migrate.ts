/** Brings the schema up to date. Several nodes may start at once: the migrator's lock lets one do it. */
import { readFile, readdir } from 'node:fs/promises';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { orUnavailable } from './connection.ts';

const FOLDER = new URL('./migrations/', import.meta.url);
/** The oldest PostgreSQL we run on, as `server_version_num`. */
const VERSION_MIN = 150_000;

/**
 * Runs the migrations that are missing, each in its own unit of work.
 * @returns the names of those it ran.
 * @throws when the server is older than PostgreSQL 15 or a migration fails; the schema is then as before it.
 */
export async function migrate(queries: Kysely<unknown>): Promise<string[]> {
  const version = await orUnavailable(
    sql<{ number: number }>`select current_setting('server_version_num')::int as number`.execute(queries),
  );
  const number = version.rows[0]!.number;
  if (number < VERSION_MIN) {
    throw new Error(
      `PostgreSQL ${Math.floor(number / 10_000)} is too old: Carom needs 15 or newer; change DATABASE_URL`,
    );
  }
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.sql')).toSorted();
  const migrator = new Migrator({
    db: queries,
    provider: { getMigrations: async () => Object.fromEntries(await Promise.all(files.map(migrationOf))) },
    migrationTableName: 'migrations',
    migrationLockTableName: 'migrations_lock',
  });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error) throw new Error('the database schema could not be brought up to date', { cause: error });
  return results.map(({ migrationName }) => migrationName);
}

async function migrationOf(file: string) {
  const text = await readFile(new URL(file, FOLDER), 'utf8');
  const up = async (db: Kysely<unknown>) => void (await sql.raw(text).execute(db));
  return [file.replace('.sql', ''), { up }] as const;
}
