/** PDUs that wait for their answers: at most so many at once, each for so long, the others in a line. */
import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';
import { encodePdu } from './smpp-pdu.ts';
import type { Fields, Pdu } from './smpp-pdu.ts';

/** The highest sequence number (SMPP 3.4 §3.2); after it they begin again. */
const SEQUENCE_MAX = 0x7fffffff;
/** Where it stands in a PDU. */
const SEQUENCE_OFFSET = 12;

/** What became of a request. `unsent`: it was never written. */
export type Answered =
  | { kind: 'answered'; pdu: Pdu }
  | { kind: 'unsent'; detail: string }
  | { kind: 'lost'; reason: 'timeout' | 'connection_lost' };

interface Request {
  bytes: Buffer;
  deadline: Instant;
  isInWindow: boolean;
  /** Null: not written yet. */
  sequence: number | null;
  end(answered: Answered): void;
}

/** What a window needs. */
export interface WindowTools {
  size: number;
  timeoutMs: number;
  clock: Clock;
  /** Puts bytes on the wire. */
  write(bytes: Buffer): void;
  /** An answer has not come in time. */
  onTimeout(): void;
}

/** Requests and their answers on one connection. */
export class RequestWindow {
  readonly #tools: WindowTools;
  readonly #waiting = new Set<Request>();
  readonly #written = new Map<number, Request>();
  #inWindow = 0;
  #lastSequence = 0;
  #shutBy: string | null = null;

  constructor(tools: WindowTools) {
    this.#tools = tools;
  }

  /** In the window, in its turn. Bounded by the timeout. Never rejects. */
  request(command: string, fields: Fields): Promise<Answered> {
    return this.#ask(command, fields, true);
  }

  /** At once, beside the window: for looking after the connection. */
  requestNow(command: string, fields: Fields): Promise<Answered> {
    return this.#ask(command, fields, false);
  }

  /** Gives an answer to whoever waits for it. @returns false when nobody does: it is late. */
  answer(pdu: Pdu): boolean {
    const request = this.#written.get(pdu.sequence);
    request?.end({ kind: 'answered', pdu });
    return request !== undefined;
  }

  /** Nothing is written any more: what waits for its turn has not been sent. What was written may still be answered. */
  shut(detail: string): void {
    this.#shutBy ??= detail;
    for (const request of this.#waiting) request.end({ kind: 'unsent', detail });
  }

  /** The connection is gone: what was written and not answered is lost. */
  drop(detail: string): void {
    this.shut(detail);
    for (const request of this.#written.values()) request.end({ kind: 'lost', reason: 'connection_lost' });
  }

  #ask(command: string, fields: Fields, isInWindow: boolean): Promise<Answered> {
    if (this.#shutBy !== null) return Promise.resolve({ kind: 'unsent', detail: this.#shutBy });
    const { clock, timeoutMs } = this.#tools;
    const { promise, resolve } = Promise.withResolvers<Answered>();
    const deadline = clock.now() + timeoutMs;
    const callOff = clock.at(deadline, () => this.#timeOut(request));
    const request: Request = {
      bytes: encodePdu(command, 0, fields),
      isInWindow,
      deadline,
      sequence: null,
      end: (answered) => {
        callOff();
        this.#forget(request);
        resolve(answered);
        this.#fill();
      },
    };
    this.#waiting.add(request);
    if (isInWindow) this.#fill();
    else this.#send(request);
    return promise;
  }

  #fill(): void {
    const now = this.#tools.clock.now();
    for (const request of this.#waiting) {
      if (this.#inWindow >= this.#tools.size || this.#shutBy !== null) return;
      // Nobody would wait for its answer any more: better it is certain that it was not sent.
      if (request.deadline > now) this.#send(request);
    }
  }

  #send(request: Request): void {
    this.#waiting.delete(request);
    if (request.isInWindow) this.#inWindow++;
    this.#lastSequence = this.#lastSequence === SEQUENCE_MAX ? 1 : this.#lastSequence + 1;
    request.sequence = this.#lastSequence;
    request.bytes.writeUInt32BE(request.sequence, SEQUENCE_OFFSET);
    this.#written.set(request.sequence, request);
    this.#tools.write(request.bytes);
  }

  #forget(request: Request): void {
    this.#waiting.delete(request);
    if (request.sequence === null) return;
    this.#written.delete(request.sequence);
    if (request.isInWindow) this.#inWindow--;
  }

  #timeOut(request: Request): void {
    if (request.sequence === null) return request.end({ kind: 'unsent', detail: 'the window was full all the time' });
    request.end({ kind: 'lost', reason: 'timeout' });
    this.#tools.onTimeout();
  }
}
