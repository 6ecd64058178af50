/** Calls to a vendor whose API has a file of its own here: one origin, a pool of connections, and the outcomes all have in common. */
import type { Readable } from 'node:stream';
import { Pool } from 'undici';
import type { Clock } from '#ports/clock.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { boundedRetryAfterMs } from './http-answer.ts';
import { exchange } from './http-exchange.ts';
import type { Exchange } from './http-exchange.ts';

/** Calls at once over one HTTP/2 connection. */
const STREAMS_MAX = 100;
/** How long an HTTP/2 connection without calls is kept, in ms: vendors of push ask for long ones. */
const IDLE_MS = 600_000;

/** A request below the vendor's base address. */
export interface VendorRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With a leading slash. */
  path: string;
  headers: Record<string, string>;
  body: string | Buffer | Readable | null;
}

/** An answer whose body came whole. */
export interface VendorAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Parsed JSON; undefined when the body is none (a vendor, or a proxy before it, that answers HTML). */
  json: unknown;
  text: string;
}

/** Connections to a vendor. */
export interface VendorConnections {
  /** Never rejects. */
  call(request: VendorRequest): Promise<Exchange>;
  /** Resolves when all calls are answered. */
  close(): Promise<void>;
}

/** How a vendor is connected to. */
export interface ConnectOptions {
  /** Calls under way at once; with `http2` they share a few connections. */
  connections: number;
  timeoutMs: number;
  http2?: boolean;
  /** Certificates (PEM) of who may vouch for the vendor instead of the usual authorities; null: those. */
  ca?: string | null;
}

/** @param baseUrl without a trailing slash. */
export function connectVendor(
  baseUrl: string,
  { connections, timeoutMs, http2 = false, ca = null }: ConnectOptions,
  clock: Clock,
): VendorConnections {
  const { origin, pathname } = new URL(baseUrl);
  const prefix = pathname === '/' ? '' : pathname;
  const connect = { timeout: timeoutMs, ...(ca !== null && { ca }) };
  const shared = { connections: Math.ceil(connections / STREAMS_MAX), keepAliveTimeout: IDLE_MS };
  const open = () => new Pool(origin, { connections, pipelining: 1, allowH2: http2, connect, ...(http2 && shared) });
  let pool = open();
  let answers = 0;
  let closing: Promise<void> | null = null;
  const underWay = new Set<Promise<Exchange>>();

  /** Many calls hang on a connection that they share: one over which no answer comes any more is given up. */
  function renew(): void {
    const old = pool;
    pool = open();
    void old.destroy();
  }

  async function call({ path, ...request }: VendorRequest): Promise<Exchange> {
    const [used, answersBefore] = [pool, answers];
    const answer = await exchange(used, { ...request, path: `${prefix}${path}` }, timeoutMs, clock);
    if (answer.kind === 'answered') answers++;
    else if (http2 && isTimeout(answer) && answers === answersBefore && used === pool) renew();
    return answer;
  }

  /** Of streams that were given up undici's own close does not see the end; each call is bounded in time, though. */
  async function closeShared(): Promise<void> {
    await Promise.all(underWay);
    await pool.destroy();
  }

  return {
    call: (request) => {
      if (!http2) return call(request);
      const calling = call(request).finally(() => underWay.delete(calling));
      underWay.add(calling);
      return calling;
    },
    close: () => (closing ??= http2 ? closeShared() : pool.close()),
  };
}

function isTimeout(call: Exchange): boolean {
  return call.kind === 'lost' && call.loss === 'timeout';
}

/**
 * What came of a handover. Decides what is the same everywhere: no connection (may pass, and another provider may try), a
 * lost answer (unknown), 429 (throttled, for its Retry-After). The rest is the vendor's own to judge.
 */
export function outcomeOfCall(call: Exchange, judge: (answer: VendorAnswer) => SendOutcome, clock: Clock): SendOutcome {
  if (call.kind === 'not_sent')
    return { kind: 'rejected', reason: 'connection_failed', detail: call.detail, retryable: true };
  if (call.kind === 'lost') return { kind: 'unknown', reason: call.loss };
  const { status, headers, body, lost } = call;
  if (status === 429)
    return { kind: 'throttled', retryAfterMs: boundedRetryAfterMs(headers['retry-after'], clock.now()) };
  if (lost && status < 300) return { kind: 'unknown', reason: lost };
  const text = body.toString();
  return judge({ status, headers, text, json: jsonIn(text) });
}

/** Parsed JSON; undefined where the text is none. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the vendor's file says what that means.
    return undefined;
  }
}
