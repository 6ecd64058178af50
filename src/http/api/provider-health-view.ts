/** A provider's health as our API shows it: its circuit, which all nodes share, and the calls that this node made lately. */
import { isoTime } from '#domain/time.ts';
import type { HealthView } from '#engine/provider-health.ts';

/** Digits of a success rate. */
const RATE_DIGITS = 4;

/** What has not been, or was not measured, is null. */
export function healthView({ circuit, calls, faults, p50Ms, p95Ms }: HealthView): object {
  const { state, since, reason } = circuit;
  return {
    state: state.name,
    since: since === null ? null : isoTime(since),
    reason,
    retryAt: state.name === 'open' ? isoTime(state.until) : null,
    calls,
    successRate: calls === 0 ? null : Number(((calls - faults) / calls).toFixed(RATE_DIGITS)),
    latencyP50Ms: p50Ms,
    latencyP95Ms: p95Ms,
  };
}
