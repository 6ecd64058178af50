/** An account (tenant), its keys and its limits (semantics §0). */
import type { Channel } from './campaign.ts';
import type { AccountId } from './ids.ts';
import type { QuietHours } from './quiet-hours.ts';
import type { Rate } from './rate-bucket.ts';

/** The APIs that are limited one by one (semantics §9). */
export const LIMITED_APIS = [
  'transaction',
  'users',
  'events',
  'connectly',
  'xtremepush',
  'altcraft',
  'batches',
] as const;
/** One of {@link LIMITED_APIS}. */
export type LimitedApi = (typeof LIMITED_APIS)[number];

/** The limits of accounts that set none: of these APIs, the vendor's own (semantics §9). The others are then unlimited. */
const LIMITS_DEFAULT: Partial<Record<LimitedApi, Rate>> = { connectly: { count: 200, perMs: 1_000 } };

export const CONSENTS = ['opt_in', 'opt_out'] as const;
/** Whether silence is a no (`opt_in`) or a yes (`opt_out`). */
export type Consent = (typeof CONSENTS)[number];

/** A tenant as it stands. */
export interface Account {
  id: AccountId;
  name: string;
  /** ISO 3166 alpha-2, for phone numbers without a country code. Null: they are invalid. */
  defaultRegion: string | null;
  limits: Partial<Record<LimitedApi, Rate>>;
  /** How long silence is waited for where nothing else ends it, in ms. */
  receiptWindowMs: number;
  /** Where users must have agreed before they are written to; on the others they must not have refused. */
  consent?: Partial<Record<Channel, Consent>>;
  /** Of users of whom none is known: a name such as `Asia/Kolkata`. */
  timeZone?: string;
  /** When users are left alone, but for what is critical. */
  quietHours?: QuietHours;
  /** Its webhooks and hooks may call private and loopback addresses; absent: they may not. Only the operator sets it. */
  privateNetwork?: 'allow';
}

/** The limit of an account's API; undefined: there is none. */
export function limitOf({ limits }: Pick<Account, 'limits'>, api: LimitedApi): Rate | undefined {
  return limits[api] ?? LIMITS_DEFAULT[api];
}

/** Whether a user who said this about a channel, or nothing, may be written to there. */
export function mayWrite({ consent }: Pick<Account, 'consent'>, channel: Channel, said: boolean | undefined): boolean {
  return consent?.[channel] === 'opt_in' ? said === true : said !== false;
}

/** 72 hours (semantics §2). */
export const RECEIPT_WINDOW_DEFAULT_MS = 72 * 3_600_000;
/** How long a fallback leg waits for a throttled provider (semantics §2). */
export const THROTTLE_WAIT_DEFAULT_MS = 5_000;

export const SCOPES = ['trigger', 'read', 'admin'] as const;
/** What a key may do: trigger transactions and track, read, change the configuration. `admin` includes the others. */
export type Scope = (typeof SCOPES)[number];

/** An API key as it is kept: only its SHA-256. */
export interface ApiKey {
  id: string;
  accountId: AccountId;
  /** Lower-case hex. */
  sha256: string;
  /** The first characters, for people to tell keys apart. */
  hint: string;
  scopes: Scope[];
}

/** True when the scopes allow it. */
export function allows(scopes: readonly Scope[], wanted: Scope): boolean {
  return scopes.includes(wanted) || scopes.includes('admin');
}
