/** A Carom that leads a process group of its own, as one does that was started at a terminal: Ctrl-C reaches all of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Carom, freePort } from './carom.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Starts one on the data directory, with its embedded PostgreSQL, and waits until it serves. */
export async function startCaromGroup(dataDir: string): Promise<Carom> {
  const port = await freePort();
  const child = spawn(process.execPath, [MAIN, 'start', '--port', String(port), '--data-dir', dataDir], {
    env: { PATH: process.env['PATH'], CAROM_LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  while (!/^listening on /m.test(output)) {
    const [chunk] = (await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(([status]) => Promise.reject(new Error(`ended with ${status}:\n${output}`))),
    ])) as [Buffer];
    output += chunk.toString();
  }
  const adminKey = (await readFile(join(dataDir, 'admin.key'), 'utf8')).trim();
  return new Carom(`http://127.0.0.1:${port}`, dataDir, adminKey, child, false);
}
