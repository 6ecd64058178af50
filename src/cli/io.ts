/** What a command may touch of the world: everything it prints, reads and waits for goes through here, so that tests can play it. */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isatty } from 'node:tty';

/** A terminal that does not say how large it is, or says 0. */
const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;

/** The world as commands see it. `out` and `err` write the text as it is. */
export interface CliIo {
  /** What was asked for. */
  out(text: string): void;
  /** What went wrong, and what is worth knowing beside the answer. */
  err(text: string): void;
  readonly isTty: boolean;
  readonly columns: number;
  readonly rows: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of Carom. */
  readonly version: string;
  /** Of Node, without the `v`. */
  readonly nodeVersion: string;
  now(): number;
  sleep(ms: number): Promise<void>;
  /** What the process says when it ends: see {@link EXIT}. */
  setExitStatus(status: number): void;
}

/** 0: done. 1: it failed (the server said no, there is no such transaction). 2: the command line was wrong. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** The process this runs in. */
export function terminalIo(): CliIo {
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) stream.on('error', ignoreClosedPipe);
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    isTty: isatty(stdout.fd),
    get columns() {
      return stdout.columns || COLUMNS_DEFAULT;
    },
    get rows() {
      return stdout.rows || ROWS_DEFAULT;
    },
    env: process.env,
    version: packageVersion(),
    nodeVersion: process.versions.node,
    now: Date.now,
    sleep: (ms) => wait(ms),
    setExitStatus: (status) => (process.exitCode = status),
  };
}

/** `carom … | head` closes the pipe early; whoever reads has had enough, and that is no fault. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
