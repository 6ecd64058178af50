/** Calls to a vendor whose API has a file of its own here: one origin, a pool of connections, and the outcomes all have in common. */
import type { Readable } from 'node:stream';
import { Pool } from 'undici';
import type { Clock } from '#ports/clock.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { boundedRetryAfterMs } from './http-answer.ts';
import { exchange } from './http-exchange.ts';
import type { Exchange } from './http-exchange.ts';

/** A request below the vendor's base address. */
export interface VendorRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With a leading slash. */
  path: string;
  headers: Record<string, string>;
  body: string | Readable | null;
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

/** @param baseUrl without a trailing slash. @param options `connections`: calls under way at once; with `http2` they share a few connections. */
export function connectVendor(
  baseUrl: string,
  { connections, timeoutMs, http2 = false }: { connections: number; timeoutMs: number; http2?: boolean },
  clock: Clock,
): VendorConnections {
  const { origin, pathname } = new URL(baseUrl);
  const prefix = pathname === '/' ? '' : pathname;
  const pool = new Pool(origin, { connections, pipelining: 1, allowH2: http2, connect: { timeout: timeoutMs } });
  let closing: Promise<void> | null = null;
  return {
    call: ({ path, ...request }) => exchange(pool, { ...request, path: `${prefix}${path}` }, timeoutMs, clock),
    close: () => (closing ??= pool.close()),
  };
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
  return judge({ status, headers, text, json: parsed(text) });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the vendor's file says what that means.
    return undefined;
  }
}
