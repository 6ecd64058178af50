/**
 * What a mail server's words mean: its reply codes (RFC 5321 §4.2.3), enhanced status codes (RFC 3463, RFC 7505 and the
 * IANA registry), and, where both say little, the words that the widespread servers use. Replies while a message is
 * handed over and the reports on it later speak the same language.
 */

/** A server's verdict. */
export interface MailStatus {
  /** Three digits; null in a report that has none. */
  code: number | null;
  /** `5.1.1`; null where the server gives none. */
  enhanced: string | null;
  text: string;
}

/** Why a message was not taken, in a short word. */
export type MailReason =
  | 'invalid_address'
  | 'mailbox_unavailable'
  | 'mailbox_full'
  | 'too_large'
  | 'unreachable'
  | 'expired'
  | 'invalid_content'
  | 'invalid_sender'
  | 'unauthorized'
  | 'blocked'
  | 'greylisted'
  | 'throttled'
  | 'protocol_error'
  | 'provider_error'
  | 'refused';

/** A reason, and whether it says that the address exists no more: nothing will ever arrive there. */
export interface MailFault {
  reason: MailReason;
  isDead: boolean;
}

/** `550 5.1.1 No such user`, also over several lines, also with `550-5.1.1`. */
const REPLY = /^(\d{3})[ -]?(?:([245]\.\d{1,3}\.\d{1,3})[ -]?)?\s*/;
/** Somewhere in a text; an IP address is none. */
const ENHANCED = /(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)/;
/** Characters of a server's text that are looked at. */
const TEXT_LENGTH_MAX = 1_000;
/** Of these, what is kept. */
const WORDS_LENGTH_MAX = 200;

/** By subject and detail (RFC 3463 §3); `x.*` is what the subject's other details mean. */
const BY_DETAIL: Record<string, MailReason> = {
  '1.*': 'invalid_address',
  '1.7': 'invalid_sender',
  '1.8': 'invalid_sender',
  '1.9': 'unreachable',
  '2.1': 'mailbox_unavailable',
  '2.2': 'mailbox_full',
  '2.3': 'too_large',
  '2.4': 'unreachable',
  '3.4': 'too_large',
  '3.*': 'provider_error',
  '4.7': 'expired',
  '4.*': 'unreachable',
  '5.*': 'protocol_error',
  '6.*': 'invalid_content',
  '7.8': 'unauthorized',
  '7.9': 'unauthorized',
  '7.11': 'unauthorized',
  '7.13': 'unauthorized',
  '7.28': 'throttled',
  '7.*': 'blocked',
};
/** Subjects that servers also use when they mean something else: what the words say goes first. */
const VAGUE = /^[45]\.(?:0\.0|[2345]\.0|4\.1|7\.0|7\.1)$/;
/** Details that say: this address will never exist. 5.1.4 (ambiguous) and 5.1.5 (valid!) do not. */
const DEAD = /^5\.(?:1\.(?:0|1|2|3|6|10)|2\.1)$/;

/** RFC 4954 §6: a login is wanted, or was refused. */
const LOGIN_CODES = [530, 534, 535, 538];

const BY_CODE: Record<number, MailReason> = {
  550: 'mailbox_unavailable',
  551: 'invalid_address',
  552: 'mailbox_full',
  553: 'invalid_address',
  554: 'blocked',
  450: 'mailbox_unavailable',
  452: 'mailbox_full',
  454: 'provider_error',
};

/** The first that fits decides; what speaks of our conduct stands before what speaks of the recipient. */
const BY_WORDS: [words: RegExp, reason: MailReason, isDead?: true][] = [
  [
    /relay(?:ing)? (?:is )?(?:not permitted|denied|prohibited|not allowed|access denied)|unable to relay|not permitted to relay|authentication (?:is )?required/i,
    'unauthorized',
  ],
  [/gr[ea]y-?list/i, 'greylisted'],
  [
    /throttl|rate (?:is )?limit|sending rate|(?:message|sending|daily|hourly) quota|too many (?:messages|mails|emails|connections|concurrent)|too fast|unusual rate/i,
    'throttled',
  ],
  [
    /(?:mailbox|inbox|recipient|user|account)\b.{0,40}\b(?:full|over ?quota|out of storage)|(?:over|exceed\w*) (?:the |its |his )?(?:\w+ )?(?:quota|storage)|quota exceeded|insufficient (?:system )?storage/i,
    'mailbox_full',
  ],
  [
    /(?:message|mail|content|size)\b.{0,40}\b(?:too (?:big|large)|exceeds)|size limit|maximum (?:message )?size/i,
    'too_large',
  ],
  [
    /spam|black ?list|block ?list|\bblocked\b|banned|reputation|polic(?:y|ies)|\bdmarc\b|\bdkim\b|\bspf\b|\brbl\b|dnsbl|spamhaus/i,
    'blocked',
  ],
  [
    /no such (?:user|recipient|mailbox|address|person|account)|(?:user|recipient|mailbox|address|account|addressee|alias)\b.{0,80}\b(?:unknown|not found|does ?n[o']t exist|not exist|no longer exists?|is invalid|unrouteable)|(?:unknown|invalid|nonexistent|non-existent|unrouteable) (?:local part|user|recipient|mailbox|address|account)|does not like recipient|recipient address rejected: access denied|user doesn't have a|account (?:that you tried to reach )?(?:is |has been )?(?:disabled|inactive|deleted)/i,
    'invalid_address',
    true,
  ],
  [
    /(?:host|domain)\b.{0,60}\b(?:not found|does ?n[o']t exist|unknown)|nxdomain|no mx|null mx/i,
    'invalid_address',
    true,
  ],
  [/mailbox (?:is )?(?:unavailable|disabled|inactive)|not accepting/i, 'mailbox_unavailable'],
  [/timed? ?out|connection refused|no route|unreachable|loop/i, 'unreachable'],
];

/** A reply as the server wrote it. */
export function parseReply(reply: string): MailStatus {
  const [, code, enhanced] = REPLY.exec(reply) ?? [];
  // Each further line repeats the codes.
  const lines = reply.split(/\r?\n/).map((line) => line.replace(REPLY, ''));
  const text = lines.join(' ').trim().slice(0, TEXT_LENGTH_MAX);
  return {
    code: code === undefined ? null : Number(code),
    enhanced: enhanced ?? ENHANCED.exec(text)?.[1] ?? null,
    text,
  };
}

/** What it means that a message was not taken for this. */
export function faultOf({ code, enhanced, text }: MailStatus): MailFault {
  // These codes say one thing only, whatever stands beside them.
  if (code !== null && LOGIN_CODES.includes(code)) return { reason: 'unauthorized', isDead: false };
  const words = BY_WORDS.find(([pattern]) => pattern.test(text));
  if (enhanced !== null && !VAGUE.test(enhanced)) {
    // A greylisting server says 4.7.1 and its kin for "come again"; the code alone would read as a block.
    if (words && enhanced.startsWith('4.') && /greylisted|throttled/.test(words[1]))
      return { reason: words[1], isDead: false };
    return { reason: byDetail(enhanced), isDead: DEAD.test(enhanced) };
  }
  const isPermanent = enhanced ? enhanced.startsWith('5') : code === null || code >= 500;
  if (words) return { reason: words[1], isDead: isPermanent && words[2] === true };
  if (enhanced !== null && !enhanced.endsWith('.0.0'))
    return { reason: byDetail(enhanced), isDead: DEAD.test(enhanced) };
  return { reason: byCode(code), isDead: false };
}

function byDetail(enhanced: string): MailReason {
  const [, subject, detail] = enhanced.split('.');
  return BY_DETAIL[`${subject}.${detail}`] ?? BY_DETAIL[`${subject}.*`] ?? 'refused';
}

function byCode(code: number | null): MailReason {
  if (code === null) return 'refused';
  const known = BY_CODE[code];
  if (known) return known;
  if (code >= 500 && code <= 504) return 'protocol_error';
  return code < 500 ? 'provider_error' : 'refused';
}

/** As the server said it, on one line. */
export function wordsOf({ code, enhanced, text }: MailStatus): string {
  const repeated = enhanced !== null && text.startsWith(enhanced);
  return [code, repeated ? null : enhanced, text]
    .filter((part) => part !== null && part !== '')
    .join(' ')
    .slice(0, WORDS_LENGTH_MAX);
}
