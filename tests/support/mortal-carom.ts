/** A Carom that is killed and started again on the same data directory, with its embedded PostgreSQL. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '#postgres/embedded.ts';
import { startCarom } from './carom.ts';
import type { Carom } from './carom.ts';

/** The data directory, and whoever runs on it at the moment. */
export class MortalCarom {
  readonly dataDir: string;
  carom: Carom;

  constructor(dataDir: string, carom: Carom) {
    this.dataDir = dataDir;
    this.carom = carom;
  }

  /** `kill -9`, and a new one on what is left; PostgreSQL goes on alone in between. */
  async killAndRestart(): Promise<void> {
    await this.carom.kill('SIGKILL');
    await this.restart();
  }

  async restart(): Promise<void> {
    this.carom = await startCarom({ dataDir: this.dataDir });
  }

  /** Stops what still runs, PostgreSQL included, and removes the data. */
  async close(): Promise<void> {
    await this.carom.stop();
    if (this.carom.process.exitCode !== 0) {
      const left = await startEmbeddedPostgres({ dataDir: this.dataDir, log: () => undefined });
      await left.stop();
    }
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** Starts one in a new data directory. */
export async function startMortalCarom(): Promise<MortalCarom> {
  const dataDir = await mkdtemp(join(tmpdir(), 'carom-test-'));
  return new MortalCarom(dataDir, await startCarom({ dataDir }));
}
