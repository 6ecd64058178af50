/** A message centre on the loopback: a real server of SMPP 3.4 that keeps what it got and answers as it is told. */
import { once } from 'node:events';
import { createServer as createPlain } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import {
  COMMAND,
  TLV,
  cstring,
  dataBody,
  deliverBody,
  fieldReader,
  readSubmission,
  tlv,
  wire,
  wireReader,
} from './smsc-wire.ts';
import type { Submission, WirePdu } from './smsc-wire.ts';

/** `esm_class` of a receipt. */
const RECEIPT = 4;

/** How we bound ourselves. */
export interface Bind {
  command: number;
  systemId: string;
  password: string;
  systemType: string;
  version: number;
  addressRange: [ton: number, npi: number, address: string];
}

/** One connection, bound or not. */
export class SmscLink {
  bind: Bind | null = null;
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;
  readonly #socket: Socket;
  readonly #asked = new Map<number, (answer: WirePdu) => void>();
  #sequence = 0;

  constructor(socket: Socket, take: (link: SmscLink, pdu: WirePdu) => void) {
    this.#socket = socket;
    socket.setNoDelay(true);
    this.gone = once(socket, 'close').then(() => undefined);
    const read = wireReader((pdu) => {
      if (pdu.isAnswer) this.#asked.get(pdu.sequence)?.(pdu);
      else take(this, pdu);
    });
    socket.on('data', read);
    socket.on('error', () => undefined); // a broken connection is what some tests are about
  }

  /** Writes an answer. */
  answer(command: number, sequence: number, status = 0, body?: Buffer): void {
    this.#socket.write(wire(command, true, status, sequence, body));
  }

  /** Asks, and gives the answer. */
  ask(command: number, body?: Buffer): Promise<WirePdu> {
    const sequence = ++this.#sequence;
    const answered = new Promise<WirePdu>((resolve) => this.#asked.set(sequence, resolve));
    this.#socket.write(wire(command, false, 0, sequence, body));
    return answered;
  }

  /** Delivers; the status of the answer. */
  async deliver(given: {
    text?: string | Buffer;
    esmClass?: number;
    dataCoding?: number;
    tlvs?: Buffer[];
  }): Promise<number> {
    const { text = '', esmClass = RECEIPT, dataCoding = 0, tlvs = [] } = given;
    const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1');
    return (await this.ask(COMMAND.deliver, deliverBody({ text: bytes, esmClass, dataCoding, tlvs }))).status;
  }

  /** Delivers optional fields alone, by data_sm. */
  async data(tlvs: Buffer[], esmClass = RECEIPT): Promise<number> {
    return (await this.ask(COMMAND.data, dataBody({ esmClass, tlvs }))).status;
  }

  /** Any bytes at all. */
  raw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Breaks the connection. */
  cut(): void {
    this.#socket.destroy();
  }
}

/** Takes a submission: answers it, or leaves it. `n`: how many came before. */
export type Taking = (link: SmscLink, submission: Submission, n: number) => void;

/** A running message centre. It takes everything as `id-0`, `id-1`, … until it is told otherwise. */
export class Smsc {
  readonly submissions: Submission[] = [];
  readonly links: SmscLink[] = [];
  /** What is done with the next ones. */
  taking: Taking = takeAs((n) => `id-${n}`);
  /** What the next binds are answered with; null: nothing. */
  bindStatus: number | null = 0;
  /** Whether the answer to a bind says that optional fields are known. */
  saysVersion = true;
  answersEnquiries = true;
  answersUnbinds = true;
  enquiries = 0;
  unbinds = 0;
  readonly #server: Server;
  readonly #waiting = new Set<() => void>();

  constructor(options: TlsOptions | null) {
    const connected = (socket: Socket) => {
      this.links.push(new SmscLink(socket, (link, pdu) => this.#take(link, pdu)));
      this.#changed();
    };
    this.#server = options ? createTls(options, connected) : createPlain(connected);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** @param port 0: any. */
  async listen(port: number): Promise<this> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** The nth submission ever (0 is the first), as soon as it is there. */
  submission(index: number): Promise<Submission> {
    return this.#whenThere(() => this.submissions[index]);
  }

  /** The nth connection ever, bound or not. */
  connected(index: number): Promise<SmscLink> {
    return this.#whenThere(() => this.links[index]);
  }

  /** The nth connection that has asked to be bound. */
  bound(index: number): Promise<SmscLink> {
    return this.#whenThere(() => this.links.filter((link) => link.bind)[index]);
  }

  /** Resolves when so many have asked whether we are there. */
  async enquired(count: number): Promise<void> {
    await this.#whenThere(() => (this.enquiries >= count ? true : undefined));
  }

  /** Resolves when so many have taken leave. */
  async unbound(count: number): Promise<void> {
    await this.#whenThere(() => (this.unbinds >= count ? true : undefined));
  }

  /** Cuts all connections and stops listening. */
  async close(): Promise<void> {
    for (const link of this.links) link.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #whenThere<Thing>(find: () => Thing | undefined): Promise<Thing> {
    return new Promise((resolve) => {
      const look = () => {
        const found = find();
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  #changed(): void {
    for (const look of this.#waiting) look();
  }

  #take(link: SmscLink, pdu: WirePdu): void {
    this.#takeNow(link, pdu);
    this.#changed();
  }

  #takeNow(link: SmscLink, pdu: WirePdu): void {
    switch (pdu.command) {
      case COMMAND.bindReceiver:
      case COMMAND.bindTransmitter:
      case COMMAND.bindTransceiver:
        return this.#bind(link, pdu);
      case COMMAND.submit:
        this.submissions.push(readSubmission(pdu));
        return this.taking(link, this.submissions.at(-1)!, this.submissions.length - 1);
      case COMMAND.enquire:
        this.enquiries++;
        if (this.answersEnquiries) link.answer(COMMAND.enquire, pdu.sequence);
        return;
      case COMMAND.unbind:
        this.unbinds++;
        if (this.answersUnbinds) link.answer(COMMAND.unbind, pdu.sequence);
        return;
      default:
        return link.answer(COMMAND.nack, pdu.sequence, 3);
    }
  }

  #bind(link: SmscLink, { command, sequence, body }: WirePdu): void {
    const read = fieldReader(body);
    const [systemId, password, systemType, version] = [read.text(), read.text(), read.text(), read.octet()];
    link.bind = { command, systemId, password, systemType, version, addressRange: read.address() };
    if (this.bindStatus === null) return;
    const fields = this.saysVersion ? tlv(TLV.version, Buffer.of(0x34)) : Buffer.alloc(0);
    const answer = this.bindStatus === 0 ? Buffer.concat([cstring('SMSC'), fields]) : undefined;
    link.answer(command, sequence, this.bindStatus, answer);
  }
}

/** Takes it, under an id. */
export const takeAs =
  (idOf: (n: number) => string): Taking =>
  (link, { sequence }, n) =>
    link.answer(COMMAND.submit, sequence, 0, cstring(idOf(n)));

/** Refuses it. */
export const refuseWith =
  (status: number): Taking =>
  (link, { sequence }) =>
    link.answer(COMMAND.submit, sequence, status);

/** The text of a receipt, as the specification has it (Appendix B). */
export function receiptText(id: string, stat: string, err = '000'): string {
  return `id:${id} sub:001 dlvrd:001 submit date:2605211000 done date:2605211001 stat:${stat} err:${err} text:Hi`;
}

/** Starts one. @param options of TLS; null: without. @param port 0: any. */
export function startSmsc(options: TlsOptions | null = null, port = 0): Promise<Smsc> {
  return new Smsc(options).listen(port);
}
