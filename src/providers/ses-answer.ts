/**
 * What Amazon SES answers to a message
 * (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors, and the errors that all of
 * AWS has in common). The name of an error is in the header `x-amzn-errortype`, its text in the body.
 */
import type { Clock } from '#ports/clock.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { REASON_LENGTH_MAX, REF_LENGTH_MAX } from './http-answer.ts';
import type { Exchange } from './http-exchange.ts';
import { outcomeOfCall } from './vendor-call.ts';
import type { VendorAnswer } from './vendor-call.ts';

/** How long the provider pauses once the day's messages are used up: the quota is of the last 24 hours, so some come free all the time. */
const QUOTA_WAIT_MS = 60_000;
/** How long it pauses where SES asks to slow down by another status than 429. */
const THROTTLE_WAIT_MS = 1_000;

type Refusal = { reason: string; tryElsewhere?: true };

/** The names that mean: these credentials may not do this. */
const UNAUTHORIZED = [
  'AccessDeniedException',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'NotAuthorized',
  'OptInRequired',
  'RequestExpired',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
];
/** Faults of our account, which another provider may not have, and of the message, which it would have as well. */
const REFUSALS = new Map<string, Refusal>([
  ['AccountSuspendedException', { reason: 'account_suspended', tryElsewhere: true }],
  ['SendingPausedException', { reason: 'sending_paused', tryElsewhere: true }],
  ['MailFromDomainNotVerifiedException', { reason: 'invalid_sender', tryElsewhere: true }],
  ['NotFoundException', { reason: 'configuration_set_not_found', tryElsewhere: true }],
  ['LimitExceededException', { reason: 'quota_exceeded', tryElsewhere: true }],
  ['MessageRejected', { reason: 'invalid_content' }],
  ['BadRequestException', { reason: 'invalid_request' }],
  ['ValidationException', { reason: 'invalid_request' }],
]);

const THROTTLINGS = ['TooManyRequestsException', 'ThrottlingException', 'Throttling'];

/** Sandboxed accounts and foreign senders: `Email address is not verified. The following identities failed the check …`. */
const NOT_VERIFIED = /not verified/i;
/** `Illegal address`, `Missing final '@domain'`, `Local address contains control or whitespace`, … */
const BAD_ADDRESS =
  /illegal address|missing final '@domain'|(local|domain) (address|name)? ?contains|invalid (email )?address|invalid domain/i;
const QUOTA_USED_UP = /daily (message )?(sending )?quota/i;

/** What came of a call. */
export function outcomeOfSes(call: Exchange, clock: Clock): SendOutcome {
  const isUsedUp = call.kind === 'answered' && call.status === 429 && QUOTA_USED_UP.test(call.body.toString());
  return isUsedUp ? { kind: 'throttled', retryAfterMs: QUOTA_WAIT_MS } : outcomeOfCall(call, judge, clock);
}

/** Judges an answer that came whole. */
function judge({ status, headers, json, text }: VendorAnswer): SendOutcome {
  const body = (json ?? {}) as { MessageId?: unknown; message?: unknown; Message?: unknown };
  const { message = body.Message } = body;
  if (status < 300) {
    const { MessageId: ref } = body;
    if (typeof ref !== 'string' || ref === '' || ref.length > REF_LENGTH_MAX)
      return { kind: 'unknown', reason: 'unreadable_answer' };
    return { kind: 'accepted', ref };
  }
  // What follows the first line of a refused signature quotes the request, a session's token included.
  const said = (typeof message === 'string' ? message : text).trim();
  const detail = said.split('\n', 1)[0]!.slice(0, REASON_LENGTH_MAX) || null;
  // `MessageRejected:http://internal.amazon.com/coral/…` in some answers.
  const error = headers['x-amzn-errortype']?.split(':', 1)[0] ?? '';
  if (THROTTLINGS.includes(error)) return { kind: 'throttled', retryAfterMs: THROTTLE_WAIT_MS };
  if (status >= 500) return { kind: 'rejected', reason: `http_${status}`, detail, retryable: true };
  return { kind: 'rejected', detail, retryable: false, ...refusalOf(error, status, said) };
}

function refusalOf(error: string, status: number, said: string): Refusal {
  if (error === 'MessageRejected' && NOT_VERIFIED.test(said)) return { reason: 'invalid_sender', tryElsewhere: true };
  if (error === 'BadRequestException' && BAD_ADDRESS.test(said)) return { reason: 'invalid_address' };
  const known = REFUSALS.get(error);
  if (known) return known;
  if (UNAUTHORIZED.includes(error) || status === 401 || status === 403)
    return { reason: 'unauthorized', tryElsewhere: true };
  return { reason: status === 413 ? 'too_large' : `http_${status}` };
}
