/**
 * Errors of Vonage's Messages API: numbered ones, in answers to a send and in `rejected` statuses alike
 * (https://developer.vonage.com/en/api-errors/messages), and those of all its APIs, which have words
 * (https://developer.vonage.com/en/api-errors).
 */
import { codeTable } from './code-meaning.ts';
import type { CodeMeaning } from './code-meaning.ts';

const CODES = codeTable([
  // The account, and who the message is from.
  [1060, 'account_suspended', 'elsewhere'],
  [1070, 'no_credit', 'elsewhere'],
  [1080, 'account_restricted', 'elsewhere'],
  [1120, 'invalid_sender', 'elsewhere'],
  [1140, 'account_restricted', 'elsewhere'],
  [1160, 'account_restricted', 'elsewhere'],
  [1350, 'account_restricted', 'elsewhere'],
  [1370, 'unauthorized', 'elsewhere'],
  [1400, 'account_restricted', 'elsewhere'],
  [1420, 'invalid_sender', 'elsewhere'],
  [1480, 'invalid_sender', 'elsewhere'],
  [1481, 'invalid_sender', 'elsewhere'],

  // Too fast, and too much.
  [1000, 'throttled', 'throttled'],
  [1241, 'throttled', 'throttled'],
  [1460, 'daily_limit', 'elsewhere'],
  [1472, 'daily_limit', 'elsewhere'],

  // The recipient.
  [1040, 'invalid_number', 'final'],
  [1050, 'blocked', 'final'],
  [1170, 'invalid_number', 'final'],
  [1180, 'unreachable', 'final'],
  [1190, 'unknown_subscriber', 'final'],
  [1200, 'unreachable', 'final'],
  [1220, 'unreachable', 'final'],
  [1240, 'opted_out', 'final'],
  [1250, 'unroutable', 'elsewhere'],
  [1251, 'unroutable', 'elsewhere'],
  [1260, 'not_reachable', 'final'],
  [1270, 'blocked', 'final'],
  [1280, 'blocked', 'final'],
  [1290, 'not_reachable', 'final'],
  [1300, 'not_reachable', 'final'],
  [1310, 'not_reachable', 'final'],
  [1430, 'invalid_number', 'final'],
  [1470, 'blocked', 'elsewhere'],
  [1473, 'blocked', 'elsewhere'],
  [1483, 'opted_out', 'final'],

  // What it says, and when.
  [1010, 'invalid_request', 'final'],
  [1020, 'invalid_request', 'final'],
  [1021, 'invalid_request', 'final'],
  [1022, 'invalid_content', 'final'],
  [1090, 'invalid_content', 'final'],
  [1130, 'invalid_request', 'final'],
  [1150, 'invalid_request', 'final'],
  [1210, 'filtered', 'final'],
  [1282, 'filtered', 'final'],
  [1320, 'already_sent', 'final'],
  [1340, 'window_closed', 'final'],
  [1360, 'expired', 'final'],
  [1380, 'invalid_content', 'final'],
  [1381, 'invalid_content', 'final'],
  [1382, 'invalid_content', 'final'],
  [1410, 'invalid_request', 'final'],
  [1440, 'invalid_content', 'final'],
  [1450, 'invalid_request', 'final'],
  [1451, 'invalid_request', 'final'],
  [1461, 'withheld', 'final'],
  [1482, 'invalid_content', 'final'],
  [1484, 'filtered', 'final'],

  // Vonage, and the networks behind it.
  [1030, 'provider_error', 'passing'],
  [1100, 'network_error', 'passing'],
  [1230, 'network_error', 'passing'],
  [1330, 'unknown_error', 'final'],
  [1331, 'provider_error', 'passing'],
]);

const WORDS: ReadonlyMap<string, CodeMeaning> = new Map([
  ['low-balance', { reason: 'no_credit', fate: 'elsewhere' }],
  ['unauthorized', { reason: 'unauthorized', fate: 'elsewhere' }],
  ['forbidden', { reason: 'unauthorized', fate: 'elsewhere' }],
  ['not-found', { reason: 'unauthorized', fate: 'elsewhere' }],
  ['unprovisioned', { reason: 'account_restricted', fate: 'elsewhere' }],
  ['account-suspended', { reason: 'account_suspended', fate: 'elsewhere' }],
  ['jwt-expired', { reason: 'unauthorized', fate: 'elsewhere' }],
  ['jwt-revoked', { reason: 'unauthorized', fate: 'elsewhere' }],
  ['invalid-api-key', { reason: 'unauthorized', fate: 'elsewhere' }],
  ['invalid-signature', { reason: 'unauthorized', fate: 'elsewhere' }],
  ['invalid-ip', { reason: 'unauthorized', fate: 'elsewhere' }],
  ['multi-auth', { reason: 'unauthorized', fate: 'elsewhere' }],
  ['invalid-params', { reason: 'invalid_request', fate: 'final' }],
  ['invalid-json', { reason: 'invalid_request', fate: 'final' }],
  ['throttled', { reason: 'throttled', fate: 'throttled' }],
  ['internal-error', { reason: 'provider_error', fate: 'passing' }],
]);

/** What an error object says: its number or word ends its `type`; in statuses the number may be its `title` alone. Null: it is none. */
export function meaningOfError(error: unknown): CodeMeaning | null {
  const { type, title } = (error ?? {}) as { type?: unknown; title?: unknown };
  const end = typeof type === 'string' ? type.slice(type.lastIndexOf('#') + 1) : '';
  const code = [end, title].map(Number).find((number) => number >= 1_000);
  if (code === undefined) return WORDS.get(end.toLowerCase()) ?? null;
  return CODES.get(code) ?? { reason: `vonage_${code}`, fate: 'final' };
}
