/** Hosts the embedded PostgreSQL of a data directory in a process of its own: `node postgres-host.ts DIRECTORY`. */
import { startEmbeddedPostgres } from '#postgres/embedded.ts';

const { connection, stop } = await startEmbeddedPostgres({ dataDir: process.argv[2]!, log: () => undefined });
process.on('SIGTERM', () => void stop());
process.stdout.write(`${JSON.stringify(connection)}\n`);
