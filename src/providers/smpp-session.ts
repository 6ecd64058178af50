/** One bound connection to a message centre (SMPP 3.4 §2): submissions in a window, what is delivered, and whether the peer is still there. */
import type { Socket } from 'node:net';
import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import { FrameError, decodePdu, encodePdu, frameReader, numberOf, textOf } from './smpp-pdu.ts';
import type { Fields, Pdu } from './smpp-pdu.ts';
import type { BindSettings } from './smpp-settings.ts';
import { connect } from './smpp-socket.ts';
import { STATUS, WRONG_BIND_STATE, nameOfStatus } from './smpp-status.ts';
import { RequestWindow } from './smpp-window.ts';

/** `interface_version`: 3.4. */
const VERSION = 0x34;
/** How long a farewell waits for its answer. */
const UNBIND_MS = 2_000;
/** Answers of ours that a peer has not read; one that reads no more is dropped. */
const UNREAD_BYTES_MAX = 1_048_576;
/** Things delivered that are being taken, over which the peer is told to come again. */
const DELIVERIES_MAX = 2_000;

/** What a connection is bound for. */
export type BindKind = 'transceiver' | 'transmitter' | 'receiver';

/** What became of a submission. `unsent`: it was never written. */
export type Submitted =
  | { kind: 'answered'; status: number; id: string }
  | { kind: 'unsent'; detail: string }
  | { kind: 'lost'; reason: 'timeout' | 'connection_lost' | 'unreadable_answer' };

/** A bound connection. */
export interface Session {
  /** Whether the peer has said that it knows optional fields (§3.4.1). */
  knowsOptionalFields: boolean;
  submit(fields: Fields): Promise<Submitted>;
  /** Resolves when it is over, with the reason. */
  ended: Promise<string>;
  /** Takes leave, once what was delivered is answered. */
  close(): Promise<void>;
}

/** A bind that the peer refused. */
export class BindRefused extends Error {
  override name = 'BindRefused';
  readonly status: number;

  constructor(status: number) {
    super(`the bind was refused: ${nameOfStatus(status)}`);
    this.status = status;
  }
}

/** What a session needs. */
export interface SessionTools {
  clock: Clock;
  log: Log;
  /** Takes what the peer delivers. @returns the status to answer with. */
  take(pdu: Pdu): Promise<number>;
}

/** Connects and binds, within the timeout each. Rejects with the network's error, {@link BindRefused}, or what else is wrong. */
export async function openSession(settings: BindSettings, kind: BindKind, tools: SessionTools): Promise<Session> {
  const socket = await connect(settings, tools.clock);
  const session = new BoundSession(socket, settings, tools);
  return session.bind(kind, settings);
}

class BoundSession implements Session {
  knowsOptionalFields = false;
  readonly ended: Promise<string>;
  readonly #socket: Socket;
  readonly #tools: SessionTools;
  readonly #window: RequestWindow;
  readonly #settings: BindSettings;
  readonly #taking = new Set<Promise<number>>();
  #lastHeard: Instant = 0;
  #isProbing = false;
  #cancelProbe = (): void => undefined;
  #endedBy: string | null = null;

  constructor(socket: Socket, settings: BindSettings, tools: SessionTools) {
    this.#socket = socket;
    this.#settings = settings;
    this.#tools = tools;
    const write = (bytes: Buffer) => void socket.write(bytes);
    this.#window = new RequestWindow({
      size: settings.window,
      timeoutMs: settings.timeoutMs,
      clock: tools.clock,
      write,
      onTimeout: () => void this.#probe(),
    });
    const read = frameReader((frame) => this.#read(decodePdu(frame)));
    socket.on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        this.#drop(error.message);
      }
    });
    // Half of a connection is of no use.
    socket.on('end', () => socket.destroy());
    socket.on('error', (error) => (this.#endedBy ??= error.message));
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        const reason = (this.#endedBy ??= 'the peer closed the connection');
        this.#cancelProbe();
        this.#window.drop(reason);
        resolve(reason);
      });
    });
  }

  async bind(kind: BindKind, settings: BindSettings): Promise<this> {
    const answer = await this.#window.requestNow(`bind_${kind}`, {
      system_id: settings.systemId,
      password: settings.password,
      system_type: settings.systemType,
      interface_version: VERSION,
      addr_ton: settings.addressTon,
      addr_npi: settings.addressNpi,
      address_range: settings.addressRange,
    });
    if (answer.kind === 'answered' && answer.pdu.status === STATUS.ok) {
      this.knowsOptionalFields = (numberOf(answer.pdu, 'sc_interface_version') ?? 0) >= VERSION;
      this.#probeLater();
      return this;
    }
    const reason = this.#endedBy ?? `the bind was not answered within ${settings.timeoutMs} ms`;
    this.#drop(reason);
    throw answer.kind === 'answered' ? new BindRefused(answer.pdu.status) : new Error(reason);
  }

  async submit(fields: Fields): Promise<Submitted> {
    const answer = await this.#window.request('submit_sm', fields);
    if (answer.kind !== 'answered') return answer;
    const { pdu } = answer;
    if (pdu.status === WRONG_BIND_STATE) this.#drop('it does not know of the bind any more');
    if (pdu.status !== STATUS.ok) return { kind: 'answered', status: pdu.status, id: '' };
    if (pdu.command !== 'submit_sm_resp' || !pdu.fields) return { kind: 'lost', reason: 'unreadable_answer' };
    return { kind: 'answered', status: pdu.status, id: textOf(pdu, 'message_id') };
  }

  async close(): Promise<void> {
    this.#cancelProbe();
    await Promise.allSettled(this.#taking);
    const { clock } = this.#tools;
    const callOff = clock.at(clock.now() + UNBIND_MS, () => this.#drop('it did not say farewell'));
    const farewell = this.#window.requestNow('unbind', {});
    this.#window.shut('the connection is being closed');
    await farewell;
    this.#endedBy ??= 'closed';
    this.#socket.destroySoon();
    await this.ended;
    callOff();
  }

  #drop(reason: string): void {
    this.#endedBy ??= reason;
    // What is asked for from now on is certainly not written.
    this.#window.shut(reason);
    this.#socket.destroy();
  }

  /** The peer takes leave: it may still answer what it has, but not for long. */
  #leave(pdu: Pdu): void {
    const { clock } = this.#tools;
    this.#window.shut('the peer has unbound');
    this.#answer('unbind_resp', pdu);
    this.#socket.end();
    const callOff = clock.at(clock.now() + UNBIND_MS, () => this.#drop('the peer has unbound'));
    void this.ended.then(callOff);
  }

  #read(pdu: Pdu): void {
    if (this.#endedBy !== null) return;
    this.#lastHeard = this.#tools.clock.now();
    if (pdu.isResponse) return this.#readResponse(pdu);
    switch (pdu.command) {
      case 'enquire_link':
        return this.#answer('enquire_link_resp', pdu);
      case 'unbind':
        return this.#leave(pdu);
      case 'deliver_sm':
      case 'data_sm':
        return this.#deliver(pdu, `${pdu.command}_resp`);
      case 'alert_notification':
      case 'outbind':
        return; // they have no answer
      default:
        return this.#answer('generic_nack', pdu, STATUS.invalidCommand);
    }
  }

  #readResponse(pdu: Pdu): void {
    if (pdu.sequence === 0) return this.#drop(`it could not read what it was sent: ${nameOfStatus(pdu.status)}`);
    if (!this.#window.answer(pdu)) this.#tools.log.debug({ command: pdu.command }, 'an answer came too late');
  }

  #deliver(pdu: Pdu, response: string): void {
    const { log, take } = this.#tools;
    if (!pdu.fields) {
      // It would come again and again, and keep others from coming.
      log.warn({ command: pdu.command }, 'a message centre delivered what cannot be read; refused for good');
      return this.#answer(response, pdu, STATUS.permanent);
    }
    if (this.#taking.size >= DELIVERIES_MAX) return this.#answer(response, pdu, STATUS.temporary);
    const taking = behindAnswers().then(() => take(pdu));
    this.#taking.add(taking);
    void taking.then((status) => {
      this.#taking.delete(taking);
      return this.#answer(response, pdu, status);
    });
  }

  #answer(command: string, { sequence }: Pdu, status: number = STATUS.ok): void {
    if (this.#socket.writableLength > UNREAD_BYTES_MAX) return this.#drop('it does not read what it is answered');
    if (this.#socket.writable) this.#socket.write(encodePdu(command, sequence, {}, status));
  }

  #probeLater(): void {
    const { clock } = this.#tools;
    this.#cancelProbe = clock.at(clock.now() + this.#settings.enquireLinkMs, () => void this.#probe());
  }

  /** Asks whether the peer is there; one that says nothing at all for the timeout is not. */
  async #probe(): Promise<void> {
    if (this.#isProbing || this.#endedBy !== null) return;
    this.#isProbing = true;
    this.#cancelProbe();
    const askedAt = this.#tools.clock.now();
    const answer = await this.#window.requestNow('enquire_link', {});
    this.#isProbing = false;
    if (this.#endedBy !== null) return;
    if (answer.kind !== 'answered' && this.#lastHeard < askedAt) this.#drop('it does not answer enquire_link');
    else this.#probeLater();
  }
}

/**
 * Answers and receipts on them may come in one piece, in this order. Whoever waits for an answer goes on only when all of
 * the piece has been read; without this, the receipt would be taken before.
 */
function behindAnswers(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
