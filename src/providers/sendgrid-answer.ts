/**
 * What SendGrid answers to a message
 * (https://support.sendgrid.com/hc/en-us/articles/18322114821403-4XX-API-Errors-and-Troubleshooting-Suggestions): 202, or
 * `{"errors": [{"message", "field", "help"}]}`.
 */
import type { Clock } from '#ports/clock.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { REASON_LENGTH_MAX, REF_LENGTH_MAX, boundedRetryAfterMs } from './http-answer.ts';
import type { Exchange } from './http-exchange.ts';
import { outcomeOfCall } from './vendor-call.ts';
import type { VendorAnswer } from './vendor-call.ts';

interface Refusal {
  reason: string;
  tryElsewhere?: true;
}

const NO_CREDIT = /credit/i;
/** `The from address does not match a verified Sender Identity …` */
const NOT_VERIFIED = /sender identity/i;

/** What came of a call. */
export function outcomeOfSendgrid(call: Exchange, clock: Clock): SendOutcome {
  // It has a header of its own for when to come again: seconds since 1970.
  if (call.kind === 'answered' && call.status === 429 && call.headers['retry-after'] === undefined) {
    const reset = Number(call.headers['x-ratelimit-reset'] ?? Number.NaN);
    const date = Number.isSafeInteger(reset) && reset < 1e10 ? new Date(reset * 1_000).toUTCString() : undefined;
    return { kind: 'throttled', retryAfterMs: boundedRetryAfterMs(date, clock.now()) };
  }
  return outcomeOfCall(call, judge, clock);
}

/** Judges an answer that came whole. 200 is the sandbox's word for 202; any other 2xx is not SendGrid's. */
function judge({ status, headers, json, text }: VendorAnswer): SendOutcome {
  const isEmpty = text.trim() === '';
  if (status === 202 || (status === 200 && isEmpty)) {
    const ref = headers['x-message-id'] ?? '';
    return { kind: 'accepted', ref: ref !== '' && ref.length <= REF_LENGTH_MAX ? ref : null };
  }
  if (status < 300) return { kind: 'unknown', reason: 'unreadable_answer' };
  const { said, field } = firstError(json);
  const detail = (said ?? text).trim().slice(0, REASON_LENGTH_MAX) || null;
  if (status >= 500) return { kind: 'rejected', reason: `http_${status}`, detail, retryable: true };
  return { kind: 'rejected', detail, retryable: false, ...refusalOf(status, said ?? '', field) };
}

function refusalOf(status: number, said: string, field: string): Refusal {
  switch (status) {
    case 400:
      return refusalOfField(field);
    case 401:
      return { reason: NO_CREDIT.test(said) ? 'no_credit' : 'unauthorized', tryElsewhere: true };
    case 402:
      return { reason: 'no_credit', tryElsewhere: true };
    case 403:
      return { reason: NOT_VERIFIED.test(said) ? 'invalid_sender' : 'unauthorized', tryElsewhere: true };
    case 413:
      return { reason: 'too_large' };
    default:
      return { reason: `http_${status}` };
  }
}

/** `personalizations.0.to.0.email`, `from.email`, `content.0.value`, … */
function refusalOfField(field: string): Refusal {
  if (/^personalizations\.\d+\.to\b/.test(field)) return { reason: 'invalid_address' };
  // An address that SendGrid does not take as a sender is none for any other provider either.
  if (/^from\b/.test(field)) return { reason: 'invalid_sender' };
  if (/^(subject|content|attachments|headers|reply_to)\b/.test(field)) return { reason: 'invalid_content' };
  if (/^ip_pool_name\b/.test(field)) return { reason: 'ip_pool_not_found', tryElsewhere: true };
  return { reason: 'invalid_request' };
}

/** The first error of an answer, as far as it says something. */
function firstError(json: unknown): { said: string | null; field: string } {
  const { errors } = (json ?? {}) as { errors?: unknown };
  const first = (Array.isArray(errors) ? errors[0] : null) as { message?: unknown; field?: unknown } | null;
  return {
    said: typeof first?.message === 'string' ? first.message : null,
    field: typeof first?.field === 'string' ? first.field : '',
  };
}
