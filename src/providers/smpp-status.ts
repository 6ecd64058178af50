/** What a `command_status` means (SMPP 3.4 §5.1.3; from 0x0100 on SMPP 5.0 §4.7.6): the outcome of a handover, and of a bind. */
import type { SendOutcome } from '#ports/provider.ts';

/** The statuses that we answer with ourselves. */
export const STATUS = { ok: 0x00, invalidCommand: 0x03, temporary: 0x64, permanent: 0x65 } as const;

/** The session is not what the peer takes it for: it has to be made anew. */
export const WRONG_BIND_STATE = 0x04;

/** What can be said of a refusal, and what follows from it. */
const MEANINGS = {
  /** It is asked to come again later; the message waits. */
  throttled: null,
  /** May pass. */
  provider_error: { retryable: true },
  /** The account's fault: another provider may take the message. */
  unauthorized: { retryable: false, tryElsewhere: true },
  no_credit: { retryable: false, tryElsewhere: true },
  invalid_sender: { retryable: false, tryElsewhere: true },
  invalid_parameter: { retryable: false, tryElsewhere: true },
  refused: { retryable: false, tryElsewhere: true },
  /** The message's own fault: no provider would take it. */
  invalid_number: { retryable: false },
  invalid_content: { retryable: false },
  blocked: { retryable: false },
  opted_out: { retryable: false },
} as const;

/** A word for what a status means. */
export type Meaning = keyof typeof MEANINGS;

/** The words, for the settings. */
export const MEANING_WORDS = Object.keys(MEANINGS) as Meaning[];

/** Every status of the specification that is no success. docs/providers/smpp.md has them too; a test compares. */
export const STATUSES: Record<number, [name: string, meaning: Meaning]> = {
  0x01: ['ESME_RINVMSGLEN', 'invalid_content'],
  0x02: ['ESME_RINVCMDLEN', 'invalid_parameter'],
  0x03: ['ESME_RINVCMDID', 'invalid_parameter'],
  0x04: ['ESME_RINVBNDSTS', 'provider_error'],
  0x05: ['ESME_RALYBND', 'provider_error'],
  0x06: ['ESME_RINVPRTFLG', 'invalid_parameter'],
  0x07: ['ESME_RINVREGDLVFLG', 'invalid_parameter'],
  0x08: ['ESME_RSYSERR', 'provider_error'],
  0x0a: ['ESME_RINVSRCADR', 'invalid_sender'],
  0x0b: ['ESME_RINVDSTADR', 'invalid_number'],
  0x0c: ['ESME_RINVMSGID', 'refused'],
  0x0d: ['ESME_RBINDFAIL', 'provider_error'],
  0x0e: ['ESME_RINVPASWD', 'unauthorized'],
  0x0f: ['ESME_RINVSYSID', 'unauthorized'],
  0x11: ['ESME_RCANCELFAIL', 'refused'],
  0x13: ['ESME_RREPLACEFAIL', 'refused'],
  0x14: ['ESME_RMSGQFUL', 'throttled'],
  0x15: ['ESME_RINVSERTYP', 'invalid_parameter'],
  0x33: ['ESME_RINVNUMDESTS', 'invalid_parameter'],
  0x34: ['ESME_RINVDLNAME', 'invalid_parameter'],
  0x40: ['ESME_RINVDESTFLAG', 'invalid_parameter'],
  0x42: ['ESME_RINVSUBREP', 'invalid_parameter'],
  0x43: ['ESME_RINVESMCLASS', 'invalid_parameter'],
  0x44: ['ESME_RCNTSUBDL', 'invalid_parameter'],
  0x45: ['ESME_RSUBMITFAIL', 'refused'],
  0x48: ['ESME_RINVSRCTON', 'invalid_sender'],
  0x49: ['ESME_RINVSRCNPI', 'invalid_sender'],
  0x50: ['ESME_RINVDSTTON', 'invalid_parameter'],
  0x51: ['ESME_RINVDSTNPI', 'invalid_parameter'],
  0x53: ['ESME_RINVSYSTYP', 'unauthorized'],
  0x54: ['ESME_RINVREPFLAG', 'invalid_parameter'],
  0x55: ['ESME_RINVNUMMSGS', 'invalid_parameter'],
  0x58: ['ESME_RTHROTTLED', 'throttled'],
  0x61: ['ESME_RINVSCHED', 'invalid_parameter'],
  0x62: ['ESME_RINVEXPIRY', 'invalid_parameter'],
  0x63: ['ESME_RINVDFTMSGID', 'invalid_parameter'],
  0x64: ['ESME_RX_T_APPN', 'provider_error'],
  0x65: ['ESME_RX_P_APPN', 'refused'],
  0x66: ['ESME_RX_R_APPN', 'refused'],
  0x67: ['ESME_RQUERYFAIL', 'refused'],
  0xc0: ['ESME_RINVOPTPARSTREAM', 'invalid_parameter'],
  0xc1: ['ESME_ROPTPARNOTALLWD', 'invalid_parameter'],
  0xc2: ['ESME_RINVPARLEN', 'invalid_parameter'],
  0xc3: ['ESME_RMISSINGOPTPARAM', 'invalid_parameter'],
  0xc4: ['ESME_RINVOPTPARAMVAL', 'invalid_parameter'],
  0xfe: ['ESME_RDELIVERYFAILURE', 'refused'],
  0xff: ['ESME_RUNKNOWNERR', 'provider_error'],
  0x100: ['ESME_RSERTYPUNAUTH', 'unauthorized'],
  0x101: ['ESME_RPROHIBITED', 'unauthorized'],
  0x102: ['ESME_RSERTYPUNAVAIL', 'provider_error'],
  0x103: ['ESME_RSERTYPDENIED', 'unauthorized'],
  0x104: ['ESME_RINVDCS', 'invalid_parameter'],
  0x105: ['ESME_RINVSRCADDRSUBUNIT', 'invalid_parameter'],
  0x106: ['ESME_RINVDSTADDRSUBUNIT', 'invalid_parameter'],
};

/** The name and number of a status: `ESME_RINVDSTADR (0x0000000B)`. */
export function nameOfStatus(status: number): string {
  const number = `0x${status.toString(16).toUpperCase().padStart(8, '0')}`;
  const known = STATUSES[status];
  return known ? `${known[0]} (${number})` : `command_status ${number}`;
}

/** @param own what this peer's own statuses mean, and those it uses in its own way. @param pauseMs for throttling: there is no Retry-After. */
export function outcomeOfStatus(status: number, own: ReadonlyMap<number, Meaning>, pauseMs: number): SendOutcome {
  const reason = own.get(status) ?? STATUSES[status]?.[1] ?? 'refused';
  const follows = MEANINGS[reason];
  if (follows === null) return { kind: 'throttled', retryAfterMs: pauseMs };
  return { kind: 'rejected', reason, detail: nameOfStatus(status), ...follows };
}

/** Why there is no bind, as the outcome of every message that would need it. */
export function outcomeOfBind(status: number): Extract<SendOutcome, { kind: 'rejected' }> {
  const detail = `the bind was refused: ${nameOfStatus(status)}`;
  if (STATUSES[status]?.[1] === 'unauthorized')
    return { kind: 'rejected', reason: 'unauthorized', detail, retryable: false, tryElsewhere: true };
  return { kind: 'rejected', reason: 'bind_refused', detail, retryable: true, tryElsewhere: true };
}
