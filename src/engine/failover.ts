/**
 * Whether a message has somewhere else to go (semantics §2, "Failover"), and what its call says of its provider's health.
 * Nothing is decided here for good: the domain does, and what it decides is stored before the other provider is called.
 */
import { THROTTLE_WAIT_DEFAULT_MS } from '#domain/account.ts';
import type { AccountId, ProviderId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Failover } from '#domain/transaction.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { SendOutcome } from '#ports/provider.ts';
import type { CallResult } from './health-book.ts';
import type { ProviderHealth } from './provider-health.ts';
import type { ProvidersInUse } from './providers-in-use.ts';

/** Refusals that were found here, before the vendor was asked. */
const FOUND_HERE = new Set(['render_error', 'invalid_content', 'attachment_missing', 'no_device', 'invalid_token']);
/** Refusals for what one recipient's device is, though another provider may serve it: they say nothing about the provider. */
const OF_DEVICE = new Set(['wrong_app', 'device_rate_exceeded']);

/** What looking for another provider needs. */
export interface FailoverTools {
  providers: ProvidersInUse;
  health: ProviderHealth;
  clock: Clock;
  log: Log;
}

/** The provider that is asked, and the others that may take the message. */
export interface Route {
  accountId: AccountId;
  id: ProviderId;
  others: ProviderId[];
}

/** The same of a message that is about to be handed over. */
export interface OpenRoute extends Route {
  config: ProviderConfig;
  /** An answer was lost, the provider may have it: it is asked, however it fares. */
  mayHaveIt: boolean;
  /** The call decides about the circuit. */
  isProbe: boolean;
}

/** Where a message goes that its provider refused for a fault of its own: to the first that works, else to the first. */
export function afterRefusal(tools: FailoverTools, route: Route): Failover | undefined {
  const to = working(tools, route) ?? route.others[0];
  return to === undefined ? undefined : { from: route.id, to };
}

/** Where a message goes that would have to wait: only to one that works. */
export function insteadOfWaiting(tools: FailoverTools, route: Route): Failover | undefined {
  const to = working(tools, route);
  return to === undefined ? undefined : { from: route.id, to };
}

/** Null: it is called. Else the provider keeps failing, and another one works. A route may become a probe by this. */
export function brokenRoute(
  tools: FailoverTools,
  route: OpenRoute,
): { retryAfterMs: number; failover: Failover } | null {
  if (route.isProbe) return null;
  const passage = tools.health.ask(route.config);
  if (passage.kind === 'probe') route.isProbe = true;
  if (passage.kind !== 'broken' || route.mayHaveIt) return null;
  const failover = insteadOfWaiting(tools, route);
  return failover ? { retryAfterMs: passage.forMs, failover } : null;
}

/** Notes what came of its call. */
export function noteCall({ health }: FailoverTools, route: OpenRoute, outcome: SendOutcome, tookMs: number): void {
  const { isProbe } = route;
  route.isProbe = false;
  const reason = 'reason' in outcome ? outcome.reason : '';
  health.note(route.config, { result: resultOf(outcome), reason, tookMs, isProbe });
}

/** Nothing came of it: there was no call. */
export function leaveRoute({ health }: FailoverTools, route: OpenRoute): void {
  if (route.isProbe) health.giveBack(route.config);
  route.isProbe = false;
}

/** True for a refusal that another provider may not share. */
export function mayPassElsewhere({
  tryElsewhere,
  retryable,
}: Pick<Extract<SendOutcome, { kind: 'rejected' }>, 'tryElsewhere' | 'retryable'>): boolean {
  return tryElsewhere ?? retryable;
}

function resultOf(outcome: SendOutcome): CallResult {
  switch (outcome.kind) {
    case 'accepted':
      return 'good';
    case 'rejected':
      if (FOUND_HERE.has(outcome.reason) || OF_DEVICE.has(outcome.reason)) return 'asked';
      return mayPassElsewhere(outcome) ? 'fault' : 'good';
    case 'throttled':
      return 'asked';
    case 'unknown':
      return 'fault';
  }
}

/** The first that is configured, does not keep failing, and is not paused for longer than a message waits. */
function working(
  { providers, health, clock, log }: FailoverTools,
  { accountId, others }: Route,
): ProviderId | undefined {
  return others.find((id) => {
    if (health.brokenForMs(accountId, id) > 0) return false;
    try {
      const inUse = providers.find(accountId, id);
      return inUse !== null && inUse.gate.pausedForMs(clock.now()) <= THROTTLE_WAIT_DEFAULT_MS;
    } catch (error) {
      log.error({ accountId, provider: id, error }, 'a provider could not be opened');
      return false;
    }
  });
}
