/** `limits` of providers: how fast all nodes together may use one. */
import type { ProviderLimits } from '#domain/provider.ts';
import { formatRate, parseRate } from '#domain/rate-bucket.ts';
import type { Rate } from '#domain/rate-bucket.ts';
import type { JsonObject } from '#domain/request.ts';
import { below, blame, integerOf, mapOf, refuseUnknown } from './reading.ts';
import type { Place } from './reading.ts';

/** Calls under way at once, of all nodes. */
const CONCURRENCY_MAX = 10_000;

/** The limits there; undefined for none. */
export function providerLimitsOf(place: Place): ProviderLimits | undefined {
  const limits = mapOf(place);
  if (!limits) return undefined;
  refuseUnknown(limits, ['rate', 'concurrency', 'perSender']);
  const rate = rateOf(below(limits, 'rate'));
  const concurrency = integerOf(below(limits, 'concurrency'), 1, CONCURRENCY_MAX);
  const perSender = rateOf(below(limits, 'perSender'));
  if (rate === undefined && concurrency === undefined && perSender === undefined) return undefined;
  return { ...(rate && { rate }), ...(concurrency !== undefined && { concurrency }), ...(perSender && { perSender }) };
}

/** The rate there. */
export function rateOf(place: Place): Rate | undefined {
  const { value } = place;
  if (value === undefined) return undefined;
  const rate = typeof value === 'string' ? parseRate(value) : null;
  return rate ?? blame(place, 'must be a rate such as 200/s, 1000/m or 5000/h');
}

/** The limits as a manifest writes them. */
export function providerLimitsView({ rate, concurrency, perSender }: ProviderLimits): JsonObject {
  return {
    ...(rate && { rate: formatRate(rate) }),
    ...(concurrency !== undefined && { concurrency }),
    ...(perSender && { perSender: formatRate(perSender) }),
  };
}
