/** For tests: a command line with nothing real behind it, and a server that answers what it is told. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CliIo } from './io.ts';
import { buildProgram } from './program.ts';
import { runProgram } from './run.ts';
import type { Verbs } from './start-options.ts';

/** A folder without a key: where commands look that name none. */
const NOWHERE = './there-is-no-such-folder';

/** What a command did. */
export interface Played {
  out: string;
  err: string;
  status: number;
  /** How long it waited in all, in ms; nothing really waits. */
  sleptMs: number;
}

/** Runs `carom …args`. */
export async function play(args: string[], given: Partial<CliIo & Verbs> = {}): Promise<Played> {
  const played: Played = { out: '', err: '', status: 0, sleptMs: 0 };
  const io: CliIo = {
    out: (text) => void (played.out += text),
    err: (text) => void (played.err += text),
    isTty: false,
    columns: 80,
    rows: 24,
    version: '1.2.3',
    nodeVersion: '24.1.0',
    now: () => Date.parse('2026-05-21T10:00:00.500Z'),
    sleep: async (ms) => void (played.sleptMs += ms),
    setExitStatus: (status) => void (played.status = status),
    ...given,
    env: { CAROM_DATA_DIR: NOWHERE, ...given.env },
  };
  const unwanted = () => Promise.reject(new Error('nobody asked for this'));
  await runProgram(buildProgram({ start: unwanted, migrate: unwanted, ...given }, io), io, args);
  return played;
}

/** A request that the stub got. */
export interface Got {
  method: string;
  /** With its query. */
  path: string;
  headers: Record<string, string | string[] | undefined>;
  /** Parsed where it is JSON. */
  body: unknown;
}

/** What it answers. `status` 200 where none is named. */
export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  /** A text is sent as it is, all else as JSON. */
  body?: unknown;
}

function bodyOf(text: string, type: string | undefined): unknown {
  if (text === '') return null;
  return type === 'application/json' ? JSON.parse(text) : text;
}

/** A server on the loopback interface; `await using` closes it. */
export async function stubServer(answer: (got: Got) => Reply): Promise<{ url: string; got: Got[] } & AsyncDisposable> {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      got.push({ method, path: url, headers, body: bodyOf(text, headers['content-type']) });
      const { status = 200, headers: more = {}, body = {} } = answer(got.at(-1)!);
      response.writeHead(status, { 'content-type': 'application/json', ...more });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    got,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
