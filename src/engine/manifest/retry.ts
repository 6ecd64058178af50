/** `retry` of campaigns and providers (semantics §2). */
import { DEFAULT_RETRY } from '#domain/campaign.ts';
import type { RetryPolicy } from '#domain/campaign.ts';
import type { JsonObject } from '#domain/request.ts';
import { formatDuration } from '#domain/time.ts';
import { below, blame, durationOf, integerOf, listOf, mapOf, refuseUnknown } from './reading.ts';
import type { Place } from './reading.ts';

/** Attempts of one message. */
const ATTEMPTS_MAX = 20;
/** Between two attempts. */
const BACKOFF = { minMs: 1, maxMs: 86_400_000 };

/** The policy there; what it leaves out is as in the default. */
export function retryOf(place: Place): RetryPolicy | undefined {
  const retry = mapOf(place);
  if (!retry) return undefined;
  refuseUnknown(retry, ['attempts', 'backoff']);
  return {
    attempts: integerOf(below(retry, 'attempts'), 1, ATTEMPTS_MAX) ?? DEFAULT_RETRY.attempts,
    backoffMs: backoffOf(below(retry, 'backoff')) ?? DEFAULT_RETRY.backoffMs,
  };
}

/** A duration before each further attempt, or a list of them, the last of which is then repeated. */
function backoffOf(place: Place): number[] | undefined {
  if (place.value === undefined) return undefined;
  if (!Array.isArray(place.value)) {
    const durationMs = durationOf(place, BACKOFF);
    return durationMs === undefined ? undefined : [durationMs];
  }
  if (place.value.length === 0) return blame(place, 'is empty; give a duration such as 2s, or leave it out');
  return listOf(place, ATTEMPTS_MAX)?.flatMap((one) => durationOf(one, BACKOFF) ?? []);
}

/** The policy as a manifest writes it. */
export function retryView({ attempts, backoffMs }: RetryPolicy): JsonObject {
  const backoff = backoffMs.map(formatDuration);
  return { attempts, backoff: backoff.length === 1 ? backoff[0]! : backoff };
}
