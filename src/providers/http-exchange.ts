/**
 * One HTTP call, and how sure we may be of what became of it. The line that matters runs between "it was never written",
 * after which sending again is safe, and "it was, and the answer is lost".
 */
import type { Pool } from 'undici';
import type { Clock } from '#ports/clock.ts';
import type { WritableRequest } from './http-files.ts';

/** Bytes of an answer's body that are read; of a longer one only the status is believed. */
const ANSWER_BYTES_MAX = 65_536;

/** Why an answer, or its body, did not arrive. */
export type Loss = 'timeout' | 'connection_lost' | 'unreadable_answer';

/** What became of a call. */
export type Exchange =
  /** Status and headers came; the body too unless `lost` says why not. Names of headers are in lower case. */
  | { kind: 'answered'; status: number; headers: Record<string, string>; body: Buffer; lost: Loss | null }
  /** No connection was made, or none was free in time: nothing was written. */
  | { kind: 'not_sent'; detail: string }
  /** It was written, at least in part, and then the answer was lost. */
  | { kind: 'lost'; loss: Loss };

/** Makes the call. Bounded by the timeout as a whole: a body that trickles in does not extend it. Never rejects. */
export function exchange(pool: Pool, request: WritableRequest, timeoutMs: number, clock: Clock): Promise<Exchange> {
  return new Promise((resolve) => {
    let call: { abort(reason: Error): void } | null = null;
    let answer: { status: number; headers: Record<string, string> } | null = null;
    let size = 0;
    let isOver = false;
    const chunks: Buffer[] = [];

    const end = (loss: Loss | null, detail: string): void => {
      if (isOver) return;
      isOver = true;
      cancelTimeout();
      if (answer) resolve({ kind: 'answered', ...answer, body: Buffer.concat(chunks), lost: loss });
      else resolve(call ? { kind: 'lost', loss: loss ?? 'unreadable_answer' } : { kind: 'not_sent', detail });
      // Harmless once the call has ended; else it frees the connection from an answer that nobody waits for any more.
      if (loss) call?.abort(new Error(detail));
    };
    const cancelTimeout = clock.at(clock.now() + timeoutMs, () =>
      end('timeout', `no connection within ${timeoutMs} ms`),
    );

    pool.dispatch(
      { ...request, headersTimeout: 0, bodyTimeout: 0 },
      {
        onRequestStart(controller) {
          // It waited for a connection for too long, and its sender has been told that it was not sent.
          if (isOver) controller.abort(new Error('too late'));
          else call = controller;
        },
        onResponseStart(_controller, status, headers) {
          if (status >= 200) answer = { status, headers: flat(headers) };
        },
        onResponseData(_controller, chunk) {
          size += chunk.length;
          if (size > ANSWER_BYTES_MAX) end('unreadable_answer', `the answer has more than ${ANSWER_BYTES_MAX} bytes`);
          else chunks.push(chunk);
        },
        onResponseEnd() {
          end(null, '');
        },
        onResponseError(_controller, error) {
          end(isUnreadable(error) ? 'unreadable_answer' : 'connection_lost', describe(error));
        },
      },
    );
  });
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flattened: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flattened[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flattened;
}

/** What came was no HTTP. */
function isUnreadable(error: Error): boolean {
  return error.name === 'HTTPParserError' || (error as { code?: string }).code === 'UND_ERR_HEADERS_OVERFLOW';
}

function describe(error: Error): string {
  const { code } = error as { code?: string };
  return code === undefined ? error.message : `${code}: ${error.message}`;
}
