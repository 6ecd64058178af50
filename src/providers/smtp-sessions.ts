/** The sessions with a mail server: kept and shared, bounded in number, in time, and in how many mails one of them carries. */
import type { Clock } from '#ports/clock.ts';
import type { Letter } from './smtp-mail.ts';
import { openSession } from './smtp-session.ts';
import type { Handover, Session } from './smtp-session.ts';
import type { SmtpPlan } from './smtp-settings.ts';

/** How long a session waits for its next mail; servers hang up after some minutes (RFC 5321 §4.5.3.2.7: five). */
const IDLE_MS = 30_000;
/** Mails over one session; many servers end it after some hundreds. */
const MAILS_MAX = 100;
/** Sessions found closed by the server, after which a fresh one is opened for the same mail. */
const STALE_MAX = 2;
/** How long a server has to say goodbye. */
const GOODBYE_MS = 1_000;

/** Hands letters over. */
export interface Sessions {
  /** Never rejects. */
  deliver(letter: Letter): Promise<Handover>;
  /** Ends the sessions that are idle now, the others after their letter. */
  close(): void;
}

/** One letter on its way, and how to end that when its time is up. */
interface Trip {
  letter: Letter;
  isOver: boolean;
  session: Session | null;
  cut(): void;
}

/** None is open yet. */
export function smtpSessions(plan: SmtpPlan, clock: Clock): Sessions {
  const places = createPlaces(plan.concurrency);
  const idle = idleSessions(clock);

  /** In its turn, on a session that is idle or a new one. */
  async function travel(trip: Trip): Promise<Handover> {
    for (let stale = 0; !trip.isOver; stale++) {
      const kept = stale < STALE_MAX ? idle.take() : null;
      const session = kept ?? (await openSession(plan, (cut) => (trip.cut = cut)));
      if ('kind' in session) return session;
      trip.session = session;
      trip.cut = () => session.destroy();
      const { isStale, ...handover } = trip.isOver ? tooLate(plan) : await session.send(trip.letter);
      void putBack(session, handover);
      if (!isStale) return handover;
    }
    return tooLate(plan);
  }

  /** A session that refused is fit again after a reset; one that broke, or carries a letter nobody waits for, is gone. */
  async function putBack(session: Session, { kind }: Handover): Promise<void> {
    const isFit = kind === 'taken' || ((kind === 'refused' || kind === 'too_large') && (await session.reset()));
    if (isFit) idle.keep(session);
    else session.destroy();
  }

  async function inTurn(trip: Trip): Promise<Handover> {
    await places.enter();
    try {
      return await travel(trip);
    } finally {
      places.leave();
    }
  }

  return {
    deliver: async (letter) => {
      if (idle.isClosed) return { kind: 'not_sent', detail: 'the provider has been closed' };
      const trip: Trip = { letter, isOver: false, session: null, cut: () => undefined };
      const late = Promise.withResolvers<Handover>();
      const callOff = clock.at(clock.now() + plan.timeoutMs, () => {
        trip.isOver = true;
        late.resolve(trip.session?.isMailOver() ? { kind: 'lost', reason: 'timeout' } : tooLate(plan));
        trip.cut();
      });
      try {
        return await Promise.race([inTurn(trip), late.promise]);
      } finally {
        callOff();
      }
    },
    close: () => idle.close(),
  };
}

function tooLate({ timeoutMs }: SmtpPlan): Handover & { isStale?: boolean } {
  return { kind: 'not_sent', detail: `it could not be handed over within ${timeoutMs} ms` };
}

/** So many at once, the others in the order of asking. */
function createPlaces(count: number): { enter(): Promise<void>; leave(): void } {
  const waiting: (() => void)[] = [];
  let free = count;
  return {
    enter: async () => {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    leave: () => {
      const next = waiting.shift();
      if (next) next();
      else free++;
    },
  };
}

/** Sessions that wait for a mail. */
function idleSessions(clock: Clock) {
  const kept = new Map<Session, () => void>();
  let isClosed = false;

  function part(session: Session): void {
    kept.get(session)?.();
    kept.delete(session);
    session.quit();
    clock.at(clock.now() + GOODBYE_MS, () => session.destroy());
  }

  return {
    get isClosed() {
      return isClosed;
    },
    /** The one that came last: in quiet times the others reach the end of their time. */
    take(): Session | null {
      for (const [session, callOff] of [...kept].toReversed()) {
        callOff();
        kept.delete(session);
        if (session.isOpen) return session;
      }
      return null;
    },
    keep(session: Session): void {
      if (isClosed || !session.isOpen || session.mails >= MAILS_MAX) return part(session);
      kept.set(
        session,
        clock.at(clock.now() + IDLE_MS, () => part(session)),
      );
    },
    close(): void {
      isClosed = true;
      for (const session of kept.keys()) part(session);
    },
  };
}
