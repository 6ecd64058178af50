/** Connectly's words for answers and errors. Vendor pages: Send Campaigns, Error Codes. */
import type { Refusal, RefusalKind } from '../refusal.ts';

/** Where the vendor's calls come in; what looks like one is answered in its words. */
export const CONNECTLY_URL = /^\/v1\/businesses(?:[/?]|$)/;

/** What is wrong, of the vendor's list; the last one stands for what its list has no word for. */
export type ErrorCode =
  | 'INVALID_SENDER_ID'
  | 'PHONE_NUMBER_BAD_FORMAT'
  | 'MESSAGE_TEMPLATE_NOT_FOUND'
  | 'MESSAGE_TEMPLATE_DELETED'
  | 'MESSAGE_TEMPLATE_INPUT_INVALID'
  | 'MESSAGE_OUTSIDE_OF_ELIGIBILITY_WINDOW'
  | 'BUSINESS_KEY_SECRET_ABSENT'
  | 'BUSINESS_REACHED_LIMITS'
  | 'UNSPECIFIED';

/** The codes of refusals that bring none of their own. */
const CODES: Partial<Record<RefusalKind, ErrorCode>> = {
  invalid: 'MESSAGE_TEMPLATE_INPUT_INVALID',
  unsupported_media_type: 'MESSAGE_TEMPLATE_INPUT_INVALID',
  unauthorized: 'BUSINESS_KEY_SECRET_ABSENT',
  forbidden: 'BUSINESS_KEY_SECRET_ABSENT',
  too_large: 'BUSINESS_REACHED_LIMITS',
  rate_limited: 'BUSINESS_REACHED_LIMITS',
};
const codes = new WeakMap<Refusal, ErrorCode>();

/** The refusal, with what the vendor calls it. */
export function coded(code: ErrorCode, refusal: Refusal): Refusal {
  codes.set(refusal, code);
  return refusal;
}

/** The vendor's error object. @param traceId of the request, as it is in our log. */
export function errorObject(code: ErrorCode, message: string, traceId: string, details: object = {}): object {
  return worded('ERROR_TYPE_INVALID_REQUEST', code, message, traceId, details);
}

/** A refusal in the vendor's words. What is not the client's fault has the other type that the vendor has. */
export function refusalAnswer(refusal: Refusal, traceId: string): { body: object; type: string } {
  const { status, message, faults, kind } = refusal;
  const code = codes.get(refusal) ?? CODES[kind] ?? 'UNSPECIFIED';
  const type = status < 500 ? 'ERROR_TYPE_INVALID_REQUEST' : 'ERROR_TYPE_DEADLINE_EXCEEDED';
  const details = faults.length > 0 ? { faults } : {};
  return { body: worded(type, code, message, traceId, details), type: 'application/json; charset=utf-8' };
}

function worded(type: string, code: ErrorCode, message: string, traceId: string, details: object): object {
  return {
    message,
    type,
    code: `ERROR_CODE_${code}`,
    userTitle:
      type === 'ERROR_TYPE_INVALID_REQUEST' ? 'The request was not accepted' : 'The request could not be handled',
    userMessage: `${message} (trace id ${traceId})`,
    cntTraceId: traceId,
    details,
  };
}
