/** The settings that all vendors with an API of their own share: where it is, how long a call may take, how many there may be. */
import type { JsonObject } from '#domain/request.ts';
import { readBaseUrl, readDurationMs, readInteger } from './settings.ts';

/** Their names. */
export const CALL_KEYS = ['baseUrl', 'timeout', 'concurrency'] as const;
/** The whole call, in ms. */
const TIMEOUT = { min: 1_000, max: 120_000, default: 10_000 };
/** Calls under way at once, each on a connection of its own. */
const CONCURRENCY = { min: 1, max: 1_024, default: 128 };

/** How a vendor is called. */
export interface CallSettings {
  /** Without a trailing slash. */
  baseUrl: string;
  timeoutMs: number;
  concurrency: number;
}

/** @param baseUrl the vendor's own. @param concurrency where the settings say none. @throws {SettingsFault} */
export function readCallSettings(
  settings: JsonObject,
  baseUrl: string,
  concurrency = CONCURRENCY.default,
): CallSettings {
  return {
    baseUrl: readBaseUrl(settings, 'baseUrl', '', baseUrl),
    timeoutMs: readDurationMs(settings, 'timeout', '', TIMEOUT),
    concurrency: readInteger(settings, 'concurrency', '', { ...CONCURRENCY, default: concurrency }),
  };
}
