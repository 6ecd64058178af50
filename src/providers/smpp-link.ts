/** A session that is made again whenever it ends: at once the first time, then after longer and longer pauses. */
import type { SendOutcome } from '#ports/provider.ts';
import { BindRefused, openSession } from './smpp-session.ts';
import type { BindKind, Session, SessionTools } from './smpp-session.ts';
import type { BindSettings } from './smpp-settings.ts';
import { outcomeOfBind } from './smpp-status.ts';

/** The pause after a failed try; each further one is twice as long, up to the most. Each is shortened by up to half, by chance. */
const PAUSE_MS = { first: 500, most: 30_000 };
/** The same where the peer does not know our credentials: trying often would get them locked. */
const UNAUTHORIZED_PAUSE_MS = { first: 30_000, most: 300_000 };
/** A session that has lasted for so long is followed by the next one without a pause. */
const LASTING_MS = 5_000;
/** How long a message waits for a session that is being made after one could not be: another provider may be waiting. */
const PATIENCE_MS = 1_000;

/** Why nothing can be sent now. */
export type Refusal = Extract<SendOutcome, { kind: 'rejected' }>;

/** A session, as far as there is one. */
export interface Link {
  /** The session, waiting for the one that is being made; or why there is none. */
  session(): Promise<Session | Refusal>;
  /** Unbinds. */
  close(): Promise<void>;
}

/** Opens it, and keeps it open. @param whose for the log. */
export function keepBound(settings: BindSettings, kind: BindKind, whose: object, tools: SessionTools): Link {
  const { clock, log } = tools;
  let state: Promise<Session | Refusal> = Promise.resolve(CLOSED);
  let isClosed = false;
  let failures = 0;
  /** Of the last try; null: there was none, or it went well. */
  let refusal: Refusal | null = null;
  let callOff = (): void => undefined;

  function open(): void {
    state = openSession(settings, kind, tools).then(opened, failed);
  }

  function opened(session: Session): Session {
    log.info({ ...whose, kind }, 'bound to a message centre');
    const boundAt = clock.now();
    refusal = null;
    void session.ended.then((reason) => ended(reason, clock.now() - boundAt));
    return session;
  }

  function ended(reason: string, lastedMs: number): void {
    if (isClosed) return;
    log.warn({ ...whose, kind, reason }, 'a bind to a message centre has ended; it is made again');
    if (lastedMs < LASTING_MS) {
      state = Promise.resolve(retryLater(notConnected(reason)));
      return;
    }
    failures = 0;
    open();
  }

  function failed(error: unknown): Refusal {
    const why = error instanceof BindRefused ? outcomeOfBind(error.status) : notConnected(describe(error));
    if (!isClosed) log.warn({ ...whose, kind, reason: why.detail }, 'no bind to a message centre; tried again');
    return retryLater(why);
  }

  function retryLater(why: Refusal): Refusal {
    refusal = why;
    if (isClosed) return why;
    const { first, most } = why.reason === 'unauthorized' ? UNAUTHORIZED_PAUSE_MS : PAUSE_MS;
    const pauseMs = Math.min(most, first * 2 ** Math.min(failures++, 20)) * (1 - Math.random() / 2);
    callOff = clock.at(clock.now() + pauseMs, open);
    return why;
  }

  function session(): Promise<Session | Refusal> {
    if (refusal === null) return state;
    const last = refusal;
    const { promise, resolve } = Promise.withResolvers<Session | Refusal>();
    const noLonger = clock.at(clock.now() + PATIENCE_MS, () => resolve(last));
    void state.then(resolve).finally(noLonger);
    return promise;
  }

  open();
  return {
    session,
    close: async () => {
      isClosed = true;
      callOff();
      const last = await state;
      state = Promise.resolve(CLOSED);
      if ('submit' in last) await last.close();
    },
  };
}

const CLOSED = notConnected('the provider is being closed');

function notConnected(detail: string): Refusal {
  return { kind: 'rejected', reason: 'connection_failed', detail, retryable: true };
}

/** A name that resolves to several addresses fails with one error for each. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error instanceof Error ? error.message : String(error);
}
