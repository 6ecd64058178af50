/** What FCM's answers mean. https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode */
import type { Clock } from '#ports/clock.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { goneDevice } from './devices.ts';
import { REASON_LENGTH_MAX, REF_LENGTH_MAX } from './http-answer.ts';
import type { Exchange } from './http-exchange.ts';
import { jsonIn, outcomeOfCall } from './vendor-call.ts';
import type { VendorAnswer } from './vendor-call.ts';

/** What a quota that is used up asks to wait where it does not say, in ms ("Scale your FCM sends"). */
const QUOTA_WAIT_MS = 60_000;

/** The parts of an error that are looked at. */
interface FcmError {
  message?: string;
  status?: string;
  details?: {
    errorCode?: string;
    fieldViolations?: { field?: string }[];
    violations?: { subject?: string; description?: string }[];
  }[];
}

/** What came of one device's message. @param token the device's. */
export function fcmOutcome(call: Exchange, token: string, clock: Clock): SendOutcome {
  if (call.kind === 'answered' && call.status === 429) {
    const error = errorIn(call.body.toString());
    if (isOfOneDevice(error)) return rejected('device_rate_exceeded', error, true);
    if (call.headers['retry-after'] === undefined) return { kind: 'throttled', retryAfterMs: QUOTA_WAIT_MS };
  }
  return outcomeOfCall(call, (answer) => judge(answer, token), clock);
}

/** The access token was refused, which says nothing about the message. */
export function isTokenRefused(call: Exchange): boolean {
  return call.kind === 'answered' && call.status === 401 && codeOf(errorIn(call.body.toString())) === 'UNAUTHENTICATED';
}

function judge({ status, text, json }: VendorAnswer, token: string): SendOutcome {
  if (status === 200) {
    const { name } = (json ?? {}) as { name?: unknown };
    // A proxy's page, say: nobody knows whether FCM has seen the message.
    if (typeof name !== 'string' || name === '') return { kind: 'unknown', reason: 'unreadable_answer' };
    return { kind: 'accepted', ref: name.length <= REF_LENGTH_MAX ? name : null };
  }
  const error = errorIn(text);
  switch (codeOf(error)) {
    case 'UNREGISTERED':
      return goneDevice('unregistered', detailOf(error), token);
    case 'INVALID_ARGUMENT':
      return isAboutToken(error)
        ? goneDevice('invalid_token', detailOf(error), token)
        : rejected('invalid_content', error, false);
    case 'SENDER_ID_MISMATCH':
      // The token is another project's; where that is a provider too, it may take the message.
      return rejected('wrong_app', error, false, true);
    case 'THIRD_PARTY_AUTH_ERROR':
    case 'UNAUTHENTICATED':
    case 'PERMISSION_DENIED':
      return rejected('unauthorized', error, false, true);
    case 'NOT_FOUND':
      return rejected('not_found', error, false, true);
    case 'UNAVAILABLE':
    case 'INTERNAL':
      return rejected('provider_error', error, true);
    default:
      // A proxy's page, say.
      return rejected(`http_${status}`, error, status >= 500);
  }
}

/** FCM's own code, else that of Google's APIs. */
function codeOf({ status, details = [] }: FcmError): string {
  return details.find(({ errorCode }) => errorCode !== undefined)?.errorCode ?? status ?? '';
}

/** Of all arguments that may be invalid, it is the device's token. */
function isAboutToken({ message = '', details = [] }: FcmError): boolean {
  const fields = details.flatMap(({ fieldViolations = [] }) => fieldViolations.map(({ field }) => field));
  return fields.includes('message.token') || /registration token is not a valid/i.test(message);
}

/** One device gets too much; that is no reason to let all others wait. */
function isOfOneDevice({ details = [] }: FcmError): boolean {
  const violations = details.flatMap((one) => one.violations ?? []);
  return violations.some(({ subject = '', description = '' }) => /device/i.test(`${subject} ${description}`));
}

function rejected(reason: string, error: FcmError, retryable: boolean, tryElsewhere = retryable): SendOutcome {
  return { kind: 'rejected', reason, detail: detailOf(error), retryable, tryElsewhere };
}

function detailOf({ message }: FcmError): string | null {
  return message ? message.slice(0, REASON_LENGTH_MAX) : null;
}

/** Empty where the answer has none in the vendor's shape. */
function errorIn(text: string): FcmError {
  const { error } = (jsonIn(text) ?? {}) as { error?: unknown };
  return isError(error) ? error : {};
}

function isError(value: unknown): value is FcmError {
  if (typeof value !== 'object' || value === null) return false;
  const { message, status, details } = value as Record<string, unknown>;
  const isText = (text: unknown) => text === undefined || typeof text === 'string';
  const isList = details === undefined || (Array.isArray(details) && details.every(isDetail));
  return isText(message) && isText(status) && isList;
}

function isDetail(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { errorCode, fieldViolations = [], violations = [] } = value as Record<string, unknown>;
  const areObjects = (list: unknown) =>
    Array.isArray(list) && list.every((one) => typeof one === 'object' && one !== null);
  return (
    (errorCode === undefined || typeof errorCode === 'string') && areObjects(fieldViolations) && areObjects(violations)
  );
}
