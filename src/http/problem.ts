/** Our own API's errors: problem+json (RFC 9457). */
import type { Refusal } from './refusal.ts';

const TITLES: Record<string, string> = {
  invalid: 'The request is not valid',
  unauthorized: 'No valid API key was given',
  forbidden: 'The API key may not do this',
  not_found: 'There is no such thing',
  method_not_allowed: 'This cannot be done there',
  conflict: 'This cannot be done in the present state',
  txn_id_reused: 'The txnId was used for another request',
  campaign_not_running: 'A campaign is not running',
  too_large: 'The body is too large',
  unsupported_media_type: 'The body has a type that is not understood',
  rate_limited: 'Too many requests',
  internal: 'Something went wrong here',
  unavailable: 'Not available now',
};

/** The body of a problem, and its type. */
export function problem(refusal: Refusal): { body: object; type: string } {
  const { kind, status, message, faults } = refusal;
  const body = {
    type: `urn:carom:problem:${kind}`,
    title: TITLES[kind],
    status,
    detail: message,
    code: kind,
    ...(faults.length > 0 && { errors: faults }),
  };
  return { body, type: 'application/problem+json' };
}
