/** A mail server on the loopback that speaks the real protocol, keeps what it got and answers as it is told. */
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerDataStream, SMTPServerOptions, SMTPServerSession } from 'smtp-server';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.ts';

/** A mail as the server got it. */
export interface TakenMail {
  from: string;
  to: string[];
  /** What was asked for beside the addresses (RFC 3461). */
  dsn: { envid: string | null; ret: string | null; notify: string[]; orcpt: string | null };
  raw: Buffer;
  isEncrypted: boolean;
  user: string | null;
}

/** At which step, and of which address, the server is asked. */
export interface Asked {
  step: 'sender' | 'recipient' | 'message';
  address: string;
}

/** `550 5.1.1 text` refuses; null takes it; a promise is waited for. */
export type Answer = string | null | Promise<string | null>;

/** A running server. */
export interface MailServer {
  port: number;
  mails: TakenMail[];
  /** The nth mail ever (0 is the first), as soon as it is there, taken or not. */
  mail(index: number): Promise<TakenMail>;
  /** How it answers from now on. */
  answering: (asked: Asked) => Answer;
  /** Connections opened so far. */
  connections: number;
  /** Cuts all connections, and goes on listening. */
  hangUp(): void;
  close(): Promise<void>;
}

/** Starts one that takes everything, without TLS or login unless told otherwise. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const waiting = new Map<number, () => void>();
  const sockets = new Set<Socket>();
  const decide = async (asked: Asked, tell: (error?: Error | null) => void): Promise<void> => {
    const answer = await server.answering(asked);
    tell(answer === null ? null : refusal(answer));
  };
  const takeMail = async (
    stream: SMTPServerDataStream,
    session: SMTPServerSession,
    tell: (error?: Error | null) => void,
  ) => {
    const mail = mailOf(session, await buffer(stream));
    server.mails.push(mail);
    waiting.get(server.mails.length - 1)?.();
    if (stream.sizeExceeded) tell(refusal('552 5.3.4 Message too big for system'));
    else await decide({ step: 'message', address: mail.to[0]! }, tell);
  };
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    hideDSN: false,
    key: CERTIFICATE_KEY,
    cert: CERTIFICATE,
    closeTimeout: 100,
    onMailFrom: ({ address }, _session, tell) => void decide({ step: 'sender', address }, tell),
    onRcptTo: ({ address }, _session, tell) => void decide({ step: 'recipient', address }, tell),
    onData: (stream, session, tell) => void takeMail(stream, session, tell),
    ...options,
  });
  smtp.on('error', () => undefined); // broken connections are what some tests are about
  const listening: Server = smtp.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  listening.on('connection', (socket) => {
    server.connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const server: MailServer = {
    port: (listening.address() as AddressInfo).port,
    mails: [],
    answering: () => null,
    connections: 0,
    async mail(index) {
      if (server.mails.length <= index) await new Promise<void>((resolve) => waiting.set(index, resolve));
      return server.mails[index]!;
    },
    hangUp: () => sockets.forEach((socket) => socket.destroy()),
    close: () => {
      server.hangUp();
      return new Promise((resolve) => smtp.close(() => resolve()));
    },
  };
  return server;
}

function refusal(answer: string): Error {
  const [, code, text] = /^(\d{3}) (.*)$/s.exec(answer)!;
  return Object.assign(new Error(text), { responseCode: Number(code) });
}

function mailOf({ envelope, secure, user }: SMTPServerSession, raw: Buffer): TakenMail {
  const { mailFrom, rcptTo, dsn } = envelope;
  return {
    from: mailFrom ? mailFrom.address : '',
    to: rcptTo.map(({ address }) => address),
    dsn: {
      envid: dsn?.envid ?? null,
      ret: dsn?.ret ?? null,
      notify: rcptTo[0]?.dsn?.notify ?? [],
      orcpt: rcptTo[0]?.dsn?.orcpt ?? null,
    },
    raw,
    isEncrypted: secure,
    user: user ?? null,
  };
}
