/** One connection to a mail server: opened, logged in, and used for one mail after the other (RFC 5321). */
import { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { SMTPConnectionSendInfo } from 'nodemailer/lib/smtp-connection';
import { parseReply } from './mail-status.ts';
import type { MailStatus } from './mail-status.ts';
import type { Letter } from './smtp-mail.ts';
import type { SmtpPlan } from './smtp-settings.ts';

/** Bytes given to the connection at a time; a mail is over when its last piece has been taken. */
const PIECE_BYTES = 65_536;
/** Bytes of one reply of the server; they are held in memory. */
const REPLY_BYTES_MAX = 65_536;
/** What the library's own timers have beyond ours, which end a session first. */
const LIBRARY_TIMES = 2;
/** A session that is idle is ended by its pool long before. */
const SILENCE_MAX_MS = 1_200_000;

/** At which step a server said no. `greeting`: whatever comes before the login. */
export type Step = 'greeting' | 'login' | 'sender' | 'recipient' | 'message';

/** What came of handing a mail over. */
export type Handover =
  | { kind: 'taken'; serverMessageId: string | null }
  | { kind: 'refused'; step: Step; status: MailStatus }
  /** Larger than the server says it takes; it was not asked. */
  | { kind: 'too_large'; detail: string }
  /** Certainly not taken: no connection, or it broke before the mail was over. */
  | { kind: 'not_sent'; detail: string }
  /** The mail was over and the answer did not come. */
  | { kind: 'lost'; reason: 'timeout' | 'connection_lost' };

/** What the library says when something fails. */
interface SmtpError extends Error {
  code?: string;
  response?: string;
  command?: string;
}

/** An open session. */
export interface Session {
  readonly isOpen: boolean;
  /** Mails that were begun on it. */
  readonly mails: number;
  /** Never rejects. `isStale`: it had been closed at the other end, and nothing of the mail was sent. */
  send(letter: Letter): Promise<Handover & { isStale?: boolean }>;
  /** Whether the mail under way is all with the connection, so that the server may have it. */
  isMailOver(): boolean;
  /** Makes it fit for the next mail after a refused one; false: it is not. */
  reset(): Promise<boolean>;
  /** Says goodbye. */
  quit(): void;
  /** Cuts it at once. */
  destroy(): void;
}

/** Opens a session and logs in. @param onConnection is given a way to cut it while it is being opened. */
export function openSession(
  plan: SmtpPlan,
  onConnection: (cut: () => void) => void,
): Promise<Session | Exclude<Handover, { kind: 'taken' | 'lost' }>> {
  const connection = new SMTPConnection(optionsOf(plan));
  onConnection(() => connection.close());
  return new Promise((resolve) => {
    const fail = (error: SmtpError) => {
      // First of all: closing is itself told as an end.
      resolve(failureOf(error, 'greeting'));
      connection.close();
    };
    // Later ones are told to whoever waits for the mail under way; it must not go without a listener.
    connection.on('error', fail);
    connection.once('end', () => fail(new Error('the connection was closed')));
    connection.connect((error) => {
      if (error) return fail(error);
      if (!plan.login) return resolve(sessionOn(connection));
      if (!connection.allowsAuth)
        return fail(Object.assign(new Error('the server offers no login'), { code: 'EAUTH' }));
      const { user, password } = plan.login;
      connection.login({ user, credentials: { user, pass: password } }, (refused) => {
        if (refused) fail(refused);
        else resolve(sessionOn(connection));
      });
    });
  });
}

function optionsOf({
  host,
  port,
  tls,
  ca,
  name,
  timeoutMs,
}: SmtpPlan): ConstructorParameters<typeof SMTPConnection>[0] {
  const setUpMs = timeoutMs * LIBRARY_TIMES;
  return {
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    opportunisticTLS: tls === 'opportunistic',
    // Opportunistic encryption is for servers nobody vouches for (RFC 7435).
    tls: { ...(ca !== null && { ca }), rejectUnauthorized: tls !== 'opportunistic' || ca !== null },
    ...(name !== null && { name }),
    connectionTimeout: setUpMs,
    greetingTimeout: setUpMs,
    dnsTimeout: setUpMs,
    socketTimeout: Math.max(SILENCE_MAX_MS, setUpMs),
    socketCloseTimeout: 0,
    maxResponseSize: REPLY_BYTES_MAX,
    allowInternalNetworkInterfaces: true,
    logger: false,
  };
}

function sessionOn(connection: SMTPConnection): Session {
  let mails = 0;
  let underWay: Readable | null = null;
  // The library forgets whom it owes an answer when it is closed; its errors are told in the same turn, after this event.
  let onEnd = () => {};
  connection.once('end', () => setImmediate(() => onEnd()));
  return {
    get isOpen() {
      return !connection.destroyed;
    },
    get mails() {
      return mails;
    },
    isMailOver: () => underWay?.readableEnded ?? false,
    send: ({ envelope, mail }) =>
      new Promise((resolve) => {
        const isReused = mails++ > 0;
        const pieces = (underWay = inPieces(mail));
        const wasCut = new Error('the connection was closed');
        onEnd = () => resolve(sendFailureOf(wasCut, pieces));
        // The library keeps what it is given, and writes into it.
        connection.send({ ...envelope }, pieces, (error: SmtpError | null, info?: SMTPConnectionSendInfo) => {
          if (!error) return resolve({ kind: 'taken', serverMessageId: info?.serverMessageId ?? null });
          const failure = sendFailureOf(error, pieces);
          const isStale = isReused && !pieces.readableDidRead && (failure.kind === 'not_sent' || isGoodbye(failure));
          resolve({ ...failure, isStale });
        });
      }),
    reset: () =>
      new Promise((resolve) => {
        if (connection.destroyed) return resolve(false);
        onEnd = () => resolve(false);
        connection.reset((error) => resolve(!error));
      }),
    quit: () => connection.quit(),
    destroy: () => connection.close(),
  };
}

/** 421: the server ends the session, whatever it is asked (RFC 5321 §3.8). */
function isGoodbye(failure: Handover): boolean {
  return failure.kind === 'refused' && failure.status.code === 421;
}

/** A stream that says how much of the mail has been taken. */
function inPieces(mail: Buffer): Readable {
  let at = 0;
  return new Readable({
    highWaterMark: PIECE_BYTES,
    read() {
      this.push(at < mail.length ? mail.subarray(at, (at += PIECE_BYTES)) : null);
    },
  });
}

function sendFailureOf(error: SmtpError, mail: Readable): Exclude<Handover, { kind: 'taken' }> {
  if (!isReply(error.response) && mail.readableEnded)
    return { kind: 'lost', reason: error.code === 'ETIMEDOUT' ? 'timeout' : 'connection_lost' };
  return failureOf(error, 'message');
}

function isReply(response: string | undefined): response is string {
  return response !== undefined && /^[245]\d{2}/.test(response);
}

const STEPS: Record<string, Step> = { 'MAIL FROM': 'sender', 'RCPT TO': 'recipient', DATA: 'message' };

/** @param otherwise the step of a reply that answers no command. */
function failureOf(error: SmtpError, otherwise: Step): Exclude<Handover, { kind: 'taken' | 'lost' }> {
  const { code, command = '', message, response } = error;
  const isLogin = code === 'EAUTH';
  if (isReply(response) && code !== 'ETLS')
    return { kind: 'refused', step: isLogin ? 'login' : (STEPS[command] ?? otherwise), status: parseReply(response) };
  // What came was no SMTP; or nothing did.
  if (response !== undefined || !['EAUTH', 'EENVELOPE', 'EMESSAGE'].includes(code ?? ''))
    return { kind: 'not_sent', detail: code === undefined ? message : `${code}: ${message}` };
  // The library itself objects.
  if (code === 'EMESSAGE') return { kind: 'too_large', detail: message };
  const status = { code: null, enhanced: isLogin ? null : '5.1.3', text: message };
  return { kind: 'refused', step: isLogin ? 'login' : 'recipient', status };
}
