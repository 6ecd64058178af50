/**
 * Error codes of Twilio's messaging, in answers to a send and as `ErrorCode` of a receipt alike
 * (https://www.twilio.com/docs/api/errors).
 */
import { codeTable } from './code-meaning.ts';
import type { CodeMeaning } from './code-meaning.ts';

const CODES = codeTable([
  // The account and its credentials.
  [10001, 'account_suspended', 'elsewhere'],
  [10002, 'account_restricted', 'elsewhere'],
  [20003, 'unauthorized', 'elsewhere'],
  [20005, 'account_suspended', 'elsewhere'],
  [20006, 'unauthorized', 'elsewhere'],
  [20008, 'unauthorized', 'elsewhere'],
  [20010, 'account_restricted', 'elsewhere'],
  [20403, 'unauthorized', 'elsewhere'],
  [20404, 'unauthorized', 'elsewhere'],
  [21219, 'account_restricted', 'elsewhere'],
  [21408, 'country_not_allowed', 'elsewhere'],
  [21608, 'account_restricted', 'elsewhere'],
  [30002, 'account_suspended', 'elsewhere'],
  [63001, 'unauthorized', 'elsewhere'],
  [63020, 'account_restricted', 'elsewhere'],
  [63051, 'account_restricted', 'elsewhere'],

  // Who it is sent from.
  [21212, 'invalid_sender', 'elsewhere'],
  [21603, 'invalid_sender', 'elsewhere'],
  [21606, 'invalid_sender', 'elsewhere'],
  [21607, 'invalid_sender', 'elsewhere'],
  [21612, 'unroutable', 'elsewhere'],
  [21616, 'invalid_sender', 'elsewhere'],
  [21621, 'invalid_sender', 'elsewhere'],
  [21622, 'invalid_sender', 'elsewhere'],
  [21657, 'invalid_sender', 'elsewhere'],
  [21659, 'invalid_sender', 'elsewhere'],
  [21660, 'invalid_sender', 'elsewhere'],
  [21661, 'invalid_sender', 'elsewhere'],
  [21701, 'invalid_sender', 'elsewhere'],
  [21702, 'invalid_sender', 'elsewhere'],
  [21703, 'invalid_sender', 'elsewhere'],
  [21704, 'invalid_sender', 'elsewhere'],
  [21705, 'invalid_sender', 'elsewhere'],
  [21708, 'invalid_sender', 'elsewhere'],
  [21709, 'invalid_sender', 'elsewhere'],
  [21711, 'invalid_sender', 'elsewhere'],
  [21910, 'invalid_sender', 'elsewhere'],
  [30018, 'invalid_sender', 'elsewhere'],
  [30024, 'invalid_sender', 'elsewhere'],
  [30032, 'invalid_sender', 'elsewhere'],
  [30034, 'invalid_sender', 'elsewhere'],
  [30035, 'invalid_sender', 'elsewhere'],
  [63002, 'invalid_sender', 'elsewhere'],
  [63007, 'invalid_sender', 'elsewhere'],
  [63008, 'invalid_sender', 'elsewhere'],

  // Too fast, for a sender or altogether.
  [14107, 'throttled', 'throttled'],
  [20429, 'throttled', 'throttled'],
  [21611, 'throttled', 'throttled'],
  [30001, 'queue_full', 'passing'],
  [30022, 'daily_limit', 'elsewhere'],
  [30023, 'daily_limit', 'elsewhere'],
  [30027, 'daily_limit', 'elsewhere'],
  [63017, 'throttled', 'throttled'],
  [63018, 'throttled', 'throttled'],
  [63038, 'daily_limit', 'elsewhere'],

  // The recipient.
  [14101, 'invalid_number', 'final'],
  [21211, 'invalid_number', 'final'],
  [21214, 'invalid_number', 'final'],
  [21217, 'invalid_number', 'final'],
  [21401, 'invalid_number', 'final'],
  [21601, 'invalid_number', 'final'],
  [21604, 'invalid_number', 'final'],
  [21614, 'invalid_number', 'final'],
  [21635, 'invalid_number', 'final'],
  [21610, 'opted_out', 'final'],
  [30003, 'unreachable', 'final'],
  [30004, 'blocked', 'final'],
  [30005, 'unknown_subscriber', 'final'],
  [30006, 'not_reachable', 'final'],
  [30011, 'not_reachable', 'final'],
  [63003, 'not_reachable', 'final'],
  [63014, 'blocked', 'final'],
  [63015, 'not_reachable', 'final'],
  [63016, 'window_closed', 'final'],
  [63024, 'not_reachable', 'final'],
  [63032, 'withheld', 'final'],
  [63033, 'blocked', 'final'],
  [63049, 'withheld', 'final'],

  // What it says.
  [14103, 'invalid_content', 'final'],
  [21602, 'invalid_content', 'final'],
  [21605, 'invalid_content', 'final'],
  [21617, 'invalid_content', 'final'],
  [21618, 'invalid_content', 'final'],
  [21619, 'invalid_content', 'final'],
  [21620, 'invalid_content', 'final'],
  [21623, 'invalid_content', 'final'],
  [21654, 'invalid_content', 'final'],
  [21655, 'invalid_content', 'final'],
  [21656, 'invalid_content', 'final'],
  [21658, 'invalid_content', 'final'],
  [30007, 'filtered', 'final'],
  [30010, 'too_expensive', 'final'],
  [30019, 'invalid_content', 'final'],
  [30450, 'blocked', 'final'],
  [63005, 'invalid_content', 'final'],
  [63006, 'invalid_content', 'final'],
  [63013, 'filtered', 'final'],
  [63019, 'invalid_content', 'final'],
  [63021, 'invalid_content', 'final'],
  [63026, 'filtered', 'final'],
  [63027, 'invalid_content', 'final'],
  [63028, 'invalid_content', 'final'],
  [63040, 'invalid_content', 'final'],
  [63041, 'invalid_content', 'final'],
  [63042, 'invalid_content', 'final'],

  // What Carom asked for.
  [21609, 'invalid_request', 'elsewhere'],
  [21624, 'invalid_request', 'elsewhere'],
  [21626, 'invalid_request', 'elsewhere'],

  // Twilio, and the networks behind it.
  [30008, 'network_error', 'passing'],
  [30009, 'network_error', 'passing'],
  [30017, 'network_error', 'passing'],
  [30036, 'expired', 'final'],
  [30410, 'network_error', 'passing'],
  [63009, 'provider_error', 'passing'],
  [63010, 'provider_error', 'passing'],
  [63012, 'provider_error', 'passing'],
]);

/** What a code means; one that is not in the table is known by its number, and by the HTTP status it came with. */
export function meaningOfCode(code: number, status: number | null = null): CodeMeaning {
  const known = CODES.get(code);
  if (known) return known;
  return { reason: `twilio_${code}`, fate: status !== null && status >= 500 ? 'passing' : 'final' };
}
