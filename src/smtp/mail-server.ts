/**
 * The mail server of a node: takes mail for addresses that providers gave out, and for nobody else. It relays nothing,
 * answers nothing, and says 250 only when what a mail reports is durable (RFC 5321 §6.1).
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerDataStream, SMTPServerSession } from 'smtp-server';
import type { Log } from '#ports/log.ts';
import type { MailIn } from '#ports/mail-in.ts';
import { OverloadedError, StoreUnavailableError } from '#ports/unavailable.ts';

/** Bytes of one mail: a bounce may return the whole of what we sent. */
const MAIL_BYTES_MAX = 67_108_864;
/** Of these, what is kept and handed on: reports stand at the beginning. The rest is only counted. */
const BEGINNING_BYTES_MAX = 131_072;
/** Connections at once; more are told to come later. */
const CONNECTIONS_MAX = 200;
/** Recipients of one mail; a report has one. */
const RECIPIENTS_MAX = 10;
/** Recipients of one connection that are not ours, after which it is ended: nobody guesses addresses here. */
const STRANGERS_MAX = 10;
/** A client that is silent for so long is cut off … */
const SILENCE_MS = 60_000;
/** … and any after this, whatever it does: a sender that trickles holds a connection for no longer. */
const SESSION_MS = 300_000;
/** How long sessions have to end when the server stops. */
const STOP_MS = 1_000;

/** Where it listens, and with which certificate it offers STARTTLS; without one it does not. */
export interface MailServerOptions {
  /** 0: any free one. */
  port: number;
  host: string;
  /** PEM. */
  tls: { cert: string; key: string } | null;
}

/** A listening mail server. */
export interface MailServer {
  port: number;
  /** Takes no new connections, and ends those there are. */
  close(): Promise<void>;
}

/** A refusal, as the protocol has it. */
type Reply = [code: number, text: string];

/** Listens. Rejects when it cannot. */
export async function startMailServer(options: MailServerOptions, mailIn: MailIn, log: Log): Promise<MailServer> {
  const watch = sessionWatch();
  const server = new SMTPServer({
    ...protocolOf(options),
    onConnect: (session, answer) => {
      watch.begin(session, () => cut(server, session));
      answer();
    },
    onClose: (session) => watch.end(session),
    onRcptTo: ({ address }, session, answer) => {
      if (session.envelope.rcptTo.length >= RECIPIENTS_MAX) return answer(refusal([452, '4.5.3 Too many recipients']));
      if (mailIn.readerOf(address)) return answer();
      const isGuessing = watch.countStranger(session) >= STRANGERS_MAX;
      answer(refusal(isGuessing ? [421, '4.7.0 Too many unknown addresses'] : [550, '5.1.1 No such address here']));
    },
    onData: (stream, session, answer) => {
      void take(stream, session, mailIn, log).then((reply) => answer(reply && refusal(reply)));
    },
  });
  server.on('error', ({ message }) => log.info({ error: message }, 'a mail connection broke'));
  const listening = server.listen({ port: options.port, host: options.host });
  await once(listening, 'listening');
  return {
    port: (listening.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** What is spoken: no login, no extension that nobody needs here. */
function protocolOf({ tls }: MailServerOptions) {
  return {
    ...tls,
    disabledCommands: tls ? ['AUTH'] : ['AUTH', 'STARTTLS'],
    authOptional: true,
    disableReverseLookup: true,
    hideDSN: true,
    banner: 'Carom takes reports only',
    size: MAIL_BYTES_MAX,
    maxClients: CONNECTIONS_MAX,
    socketTimeout: SILENCE_MS,
    closeTimeout: STOP_MS,
  };
}

/** Reads a mail and hands it on. Never rejects. @returns null: taken, and durable. */
async function take(
  stream: SMTPServerDataStream,
  { envelope }: SMTPServerSession,
  mailIn: MailIn,
  log: Log,
): Promise<Reply | null> {
  try {
    const beginning = await beginningOf(stream);
    if (stream.sizeExceeded) return [552, `5.3.4 A mail may have ${MAIL_BYTES_MAX} bytes`];
    for (const { address } of envelope.rcptTo) await mailIn.readerOf(address)?.take(address, beginning);
    return null;
  } catch (error) {
    const isLater = error instanceof StoreUnavailableError || error instanceof OverloadedError;
    if (!isLater) log.error({ error }, 'a mail could not be taken');
    return [451, '4.3.0 It cannot be taken now, try again later'];
  }
}

/** Reads all of a mail and keeps its beginning. */
async function beginningOf(stream: SMTPServerDataStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (size < BEGINNING_BYTES_MAX) chunks.push(chunk.subarray(0, BEGINNING_BYTES_MAX - size));
    size += chunk.length;
  }
  return Buffer.concat(chunks);
}

/** What is remembered of a session while it lasts. */
function sessionWatch() {
  const sessions = new Map<string, { timer: NodeJS.Timeout; strangers: number }>();
  return {
    begin({ id }: SMTPServerSession, onTooLong: () => void): void {
      sessions.set(id, { timer: setTimeout(onTooLong, SESSION_MS).unref(), strangers: 0 });
    },
    /** @returns how many it makes. */
    countStranger({ id }: SMTPServerSession): number {
      const session = sessions.get(id);
      return session ? ++session.strangers : STRANGERS_MAX;
    },
    end({ id }: SMTPServerSession): void {
      clearTimeout(sessions.get(id)?.timer);
      sessions.delete(id);
    },
  };
}

function cut(server: SMTPServer, { id }: SMTPServerSession): void {
  for (const connection of server.connections) if (connection.session.id === id) connection.close();
}

function refusal([responseCode, text]: Reply): Error {
  return Object.assign(new Error(text), { responseCode });
}
