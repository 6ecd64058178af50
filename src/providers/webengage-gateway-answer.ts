/** What a gateway answers to a send. A refusal may well come with HTTP 200: the body's status decides. */
import type { Clock } from '#ports/clock.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { outcomeOfMeaning } from './code-meaning.ts';
import { REASON_LENGTH_MAX, boundedRetryAfterMs } from './http-answer.ts';
import type { Exchange } from './http-exchange.ts';
import { jsonIn, outcomeOfCall } from './vendor-call.ts';
import type { VendorAnswer } from './vendor-call.ts';
import { OK_CODES, REFUSAL_CODES } from './webengage-gateway-codes.ts';
import type { GatewayChannel } from './webengage-gateway-codes.ts';

/** `sms_accepted`, `SUCCESS`; gateways that hand on at once also say `sent`. */
const TAKEN = /^(?:(?:sms|whatsapp|rcs|email)_)?(?:accepted|success|queued|sent)$/i;
/** `sms_rejected`, `sms_failed`, `ERROR`. */
const REFUSED = /^(?:(?:sms|whatsapp|rcs|email)_)?(?:rejected|failed|error)$/i;

/** A gateway's own words. */
interface GatewayWords {
  status: string;
  code: number | null;
  message: string | null;
  supportedVersion: string | null;
}

/** What came of a handover. */
export function outcomeOfSend(call: Exchange, channel: GatewayChannel, clock: Clock): SendOutcome {
  if (call.kind === 'answered') {
    const said = wordsIn(jsonIn(call.body.toString()), channel);
    const refusal =
      said && refusalIn(said, call.status, channel, boundedRetryAfterMs(call.headers['retry-after'], clock.now()));
    if (refusal) return refusal;
  }
  return outcomeOfCall(call, (answer) => judge(answer, channel), clock);
}

/** A refusal in the protocol's words, whatever the HTTP status; null where they say none. */
function refusalIn(
  { status, code, message, supportedVersion }: GatewayWords,
  httpStatus: number,
  channel: GatewayChannel,
  retryAfterMs: number,
): SendOutcome | null {
  if (TAKEN.test(status)) return null;
  const known = code === null ? undefined : REFUSAL_CODES[channel].get(code);
  // Without a code that is known, a 429 is what it says, and a word that is not known says nothing.
  if (!known && (httpStatus === 429 || !REFUSED.test(status))) return null;
  const version = supportedVersion === null ? null : `it takes version ${supportedVersion}`;
  const detail = [code, message, version].filter((part) => part !== null).join(' ');
  const fate = httpStatus >= 500 ? 'passing' : 'final';
  const meaning = known ?? { reason: code === null ? 'refused' : `gateway_${code}`, fate };
  return outcomeOfMeaning(meaning, detail || null, retryAfterMs);
}

function judge({ status, json, text }: VendorAnswer, channel: GatewayChannel): SendOutcome {
  const isTaken = TAKEN.test(wordsIn(json, channel)?.status ?? '');
  const isGood = status >= 200 && status < 300;
  if (isTaken && isGood) return { kind: 'accepted', ref: null };
  // It contradicts itself, or speaks another protocol: it may have taken the message.
  if (isTaken || isGood) return { kind: 'unknown', reason: 'unreadable_answer' };
  // Not the protocol's words: somebody between us, or another server. It says nothing about the message.
  const fate = status >= 500 ? 'passing' : 'elsewhere';
  return outcomeOfMeaning({ reason: `http_${status}`, fate }, text.trim() || null, 0);
}

/** Null for JSON that is not in the protocol's shape. */
function wordsIn(json: unknown, channel: GatewayChannel): GatewayWords | null {
  const { status, statusCode, message, supportedVersion } = (json ?? {}) as Record<string, unknown>;
  const code =
    typeof statusCode === 'number' || (typeof statusCode === 'string' && statusCode !== '') ? Number(statusCode) : null;
  if (typeof status !== 'string' && code === null) return null;
  return {
    status: typeof status === 'string' ? status : code === OK_CODES[channel] ? 'success' : '',
    code: Number.isNaN(code) ? null : code,
    message: typeof message === 'string' && message !== '' ? message.slice(0, REASON_LENGTH_MAX) : null,
    supportedVersion: typeof supportedVersion === 'string' ? supportedVersion : null,
  };
}
