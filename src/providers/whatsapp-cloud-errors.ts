/**
 * Error codes of the WhatsApp Cloud API, in answers to a send and in `failed` statuses alike
 * (developers.facebook.com, WhatsApp Business Platform, "Error codes").
 */
import { codeTable } from './code-meaning.ts';
import type { CodeMeaning } from './code-meaning.ts';

/** Codes for a permission that the token lacks. */
const PERMISSION_CODES = { min: 200, max: 299 };

const CODES = codeTable([
  // The token, the app, the business account.
  [0, 'unauthorized', 'elsewhere'],
  [3, 'unauthorized', 'elsewhere'],
  [10, 'unauthorized', 'elsewhere'],
  [190, 'unauthorized', 'elsewhere'],
  [131005, 'unauthorized', 'elsewhere'],
  [368, 'account_restricted', 'elsewhere'],
  [131031, 'account_restricted', 'elsewhere'],
  [131063, 'account_restricted', 'elsewhere'],
  [134011, 'account_restricted', 'elsewhere'],
  [131042, 'no_credit', 'elsewhere'],
  [130497, 'country_not_allowed', 'elsewhere'],

  // The number it is sent from.
  [33, 'invalid_sender', 'elsewhere'],
  [131037, 'invalid_sender', 'elsewhere'],
  [131045, 'invalid_sender', 'elsewhere'],
  [131048, 'sender_restricted', 'elsewhere'],
  [133000, 'invalid_sender', 'elsewhere'],
  [133005, 'invalid_sender', 'elsewhere'],
  [133006, 'invalid_sender', 'elsewhere'],
  [133008, 'invalid_sender', 'elsewhere'],
  [133009, 'invalid_sender', 'elsewhere'],
  [133010, 'invalid_sender', 'elsewhere'],
  [133015, 'invalid_sender', 'elsewhere'],
  [133016, 'invalid_sender', 'elsewhere'],

  // Too fast. 131056 is about this pair of numbers alone: only this message waits, not the whole provider.
  [4, 'throttled', 'throttled'],
  [80007, 'throttled', 'throttled'],
  [130429, 'throttled', 'throttled'],
  [131056, 'recipient_throttled', 'passing'],

  // The vendor itself.
  [1, 'provider_error', 'passing'],
  [2, 'provider_error', 'passing'],
  [131000, 'provider_error', 'passing'],
  [131016, 'provider_error', 'passing'],
  [131057, 'provider_error', 'passing'],
  [133004, 'provider_error', 'passing'],
  [2494100, 'provider_error', 'passing'],

  // The recipient.
  [131026, 'not_reachable', 'final'],
  [131021, 'invalid_number', 'final'],
  [131030, 'invalid_number', 'elsewhere'],
  [130403, 'blocked', 'final'],
  [131047, 'window_closed', 'final'],
  [131049, 'withheld', 'final'],
  [130472, 'withheld', 'final'],
  [131050, 'opted_out', 'final'],

  // What it says.
  [100, 'invalid_content', 'final'],
  [131008, 'invalid_content', 'final'],
  [131009, 'invalid_content', 'final'],
  [131051, 'invalid_content', 'final'],
  [135000, 'invalid_content', 'final'],
  [131052, 'invalid_media', 'final'],
  [131053, 'invalid_media', 'final'],
  // A template of this account; the same name may well be in order in another one.
  [132001, 'invalid_template', 'elsewhere'],
  [132015, 'invalid_template', 'elsewhere'],
  [132016, 'invalid_template', 'elsewhere'],
  [132000, 'invalid_template', 'final'],
  [132005, 'invalid_template', 'final'],
  [132007, 'invalid_template', 'final'],
  [132012, 'invalid_template', 'final'],
  [132018, 'invalid_template', 'final'],
  [132068, 'invalid_template', 'final'],
  [132069, 'invalid_template', 'final'],
]);

/** An error as answers and statuses carry it. */
interface GraphError {
  code: number | string;
  /** The most precise text there is. */
  text: string | null;
  isTransient: boolean;
}

/** What an error means. @param httpStatus what to go by where the code is not documented; null: it came in a status. */
export function meaningOfError(error: GraphError, httpStatus: number | null): CodeMeaning {
  const code = Number(error.code);
  const known = CODES.get(code);
  if (known) return known;
  if (code >= PERMISSION_CODES.min && code <= PERMISSION_CODES.max)
    return { reason: 'unauthorized', fate: 'elsewhere' };
  const reason = `whatsapp_${error.code}`;
  if (httpStatus === 429) return { reason, fate: 'throttled' };
  const mayPass = error.isTransient || (httpStatus !== null && httpStatus >= 500);
  return { reason, fate: mayPass ? 'passing' : 'final' };
}

/** The code and the text: `131026 Message undeliverable`. */
export function detailOfError({ code, text }: GraphError): string {
  return text === null ? `${code}` : `${code} ${text}`;
}

/** The error in a JSON value; null where there is none. */
export function asGraphError(value: unknown): GraphError | null {
  if (typeof value !== 'object' || value === null) return null;
  const { code, title, message, is_transient: isTransient, error_data: data } = value as Record<string, unknown>;
  if (typeof code !== 'number' && !(typeof code === 'string' && /^\d{1,10}$/.test(code))) return null;
  const { details } = (data ?? {}) as { details?: unknown };
  const text = [details, message, title].find((one) => typeof one === 'string' && one !== '');
  return { code, text: typeof text === 'string' ? text : null, isTransient: isTransient === true };
}
