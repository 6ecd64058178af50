/** What Apple's answers mean ("Handling notification responses from APNs"). */
import type { MessageId } from '#domain/ids.ts';
import type { Clock } from '#ports/clock.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { goneDevice } from './devices.ts';
import { REASON_LENGTH_MAX } from './http-answer.ts';
import type { Exchange } from './http-exchange.ts';
import { jsonIn, outcomeOfCall } from './vendor-call.ts';

/** How long a token that was made anew too often keeps everybody waiting, in ms. */
const TOKEN_WAIT_MS = 60_000;

/**
 * What each reason comes to: our word, and what is to be done. `gone`: the device exists no more. `elsewhere`: the fault is
 * this provider's. `later`: it may pass. `refused`: the message's own fault.
 */
const REASONS: Record<string, [word: string, kind: 'gone' | 'elsewhere' | 'later' | 'refused']> = {
  BadCollapseId: ['invalid_content', 'refused'],
  BadExpirationDate: ['invalid_content', 'refused'],
  BadMessageId: ['invalid_content', 'refused'],
  BadPriority: ['invalid_content', 'refused'],
  DuplicateHeaders: ['invalid_content', 'refused'],
  InvalidPushType: ['invalid_content', 'refused'],
  MissingDeviceToken: ['invalid_token', 'refused'],
  PayloadEmpty: ['invalid_content', 'refused'],
  PayloadTooLarge: ['invalid_content', 'refused'],
  BadPath: ['invalid_token', 'refused'],
  MethodNotAllowed: ['provider_error', 'refused'],
  BadDeviceToken: ['invalid_token', 'gone'],
  ExpiredToken: ['unregistered', 'gone'],
  Unregistered: ['unregistered', 'gone'],
  // Of another app: a provider of its own may serve it.
  DeviceTokenNotForTopic: ['wrong_app', 'elsewhere'],
  BadTopic: ['invalid_topic', 'elsewhere'],
  MissingTopic: ['invalid_topic', 'elsewhere'],
  TopicDisallowed: ['invalid_topic', 'elsewhere'],
  BadCertificate: ['unauthorized', 'elsewhere'],
  BadCertificateEnvironment: ['unauthorized', 'elsewhere'],
  BadEnvironmentKeyIdInToken: ['unauthorized', 'elsewhere'],
  ExpiredProviderToken: ['unauthorized', 'elsewhere'],
  Forbidden: ['unauthorized', 'elsewhere'],
  InvalidProviderToken: ['unauthorized', 'elsewhere'],
  MissingProviderToken: ['unauthorized', 'elsewhere'],
  UnrelatedKeyIdInToken: ['unauthorized', 'elsewhere'],
  IdleTimeout: ['provider_error', 'later'],
  InternalServerError: ['provider_error', 'later'],
  ServiceUnavailable: ['provider_error', 'later'],
  Shutdown: ['provider_error', 'later'],
  // To this one device: no reason to let all others wait.
  TooManyRequests: ['device_rate_exceeded', 'later'],
};
const TOKEN_TOO_OFTEN = 'TooManyProviderTokenUpdates';

/** What an answer is judged by. */
export interface Ground {
  messageId: MessageId;
  /** The vendor has taken a message here: what it calls a bad token is one, and not of the other environment. */
  isProven: boolean;
  clock: Clock;
}

/** What came of one device's message. @param address the device's token. */
export function apnsOutcome(call: Exchange, address: string, { messageId, isProven, clock }: Ground): SendOutcome {
  const reason = reasonIn(call);
  if (reason === TOKEN_TOO_OFTEN) return { kind: 'throttled', retryAfterMs: TOKEN_WAIT_MS };
  if (call.kind === 'answered' && reason !== null && call.status !== 200)
    return judge(reason, call.status, address, isProven);
  return outcomeOfCall(
    call,
    ({ status, headers, text }) =>
      status === 200
        ? { kind: 'accepted', ref: headers['apns-id'] ?? messageId }
        : { kind: 'rejected', reason: `http_${status}`, detail: shortened(text), retryable: status >= 500 },
    clock,
  );
}

/** Our provider token is too old for them. */
export function isTokenExpired(call: Exchange): boolean {
  return reasonIn(call) === 'ExpiredProviderToken';
}

function judge(said: string, status: number, address: string, isProven: boolean): SendOutcome {
  const [reason, kind] = REASONS[said] ?? [`http_${status}`, status >= 500 || status === 429 ? 'later' : 'refused'];
  const detail = shortened(said);
  // Until a message was taken, the environment may be the wrong one, for which all tokens are bad.
  if (kind === 'gone' && (said !== 'BadDeviceToken' || isProven)) return goneDevice(reason, detail, address);
  return {
    kind: 'rejected',
    reason,
    detail,
    retryable: kind === 'later',
    tryElsewhere: kind === 'later' || kind === 'elsewhere',
  };
}

function reasonIn(call: Exchange): string | null {
  if (call.kind !== 'answered') return null;
  const { reason } = (jsonIn(call.body.toString()) ?? {}) as { reason?: unknown };
  return typeof reason === 'string' ? reason : null;
}

function shortened(text: string): string | null {
  return text.trim() === '' ? null : text.trim().slice(0, REASON_LENGTH_MAX);
}
