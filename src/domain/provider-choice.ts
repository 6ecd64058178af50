/**
 * Which of a message's providers is asked, and which others may take its place (semantics §2, "Failover"). The choice
 * follows from what is stored alone: after a crash the same provider is asked again. What is known of their health moves a
 * message on only by news, which are stored before the next provider is called.
 */
import type { MessageContent, ProviderRoute } from './campaign.ts';
import type { MessageId, ProviderId } from './ids.ts';
import type { MessageFacts } from './message.ts';

/** The share of a provider that names none, where another one does. */
const WEIGHT_DEFAULT = 1;

/** The provider to be asked, and those that may take the message should this one certainly not: best first. */
export interface ProviderChoice {
  id: ProviderId;
  others: ProviderId[];
}

/**
 * The providers that take messages to this address, in the order in which this message prefers them; empty: none does.
 * @param countryOf the country of a number (ISO 3166), null for none; asked only where a provider names countries.
 */
export function providersFor(
  { providers, routes }: Pick<MessageContent, 'providers' | 'routes'>,
  messageId: MessageId,
  to: string,
  countryOf: (to: string) => string | null,
): ProviderId[] {
  if (!routes) return providers;
  const fitting = providers.filter((id) => takes(routes[id] ?? {}, to, countryOf));
  if (!Object.values(routes).some(({ weight }) => weight !== undefined)) return fitting;
  const weightOf = (id: ProviderId) => routes[id]?.weight ?? WEIGHT_DEFAULT;
  const sharing = fitting.filter((id) => weightOf(id) > 0);
  return [...drawn(sharing, weightOf, messageId), ...fitting.filter((id) => weightOf(id) === 0)];
}

/** The choice among them; null when there is nobody to choose. */
export function chooseProvider(preferred: ProviderId[], facts: MessageFacts): ProviderChoice | null {
  const { via, passed = [] } = facts;
  const open = preferred.filter((id) => !passed.includes(id));
  const id = via ?? open[0];
  if (id === undefined) return null;
  return { id, others: open.filter((other) => other !== id) };
}

function takes({ prefixes, countries }: ProviderRoute, to: string, countryOf: (to: string) => string | null): boolean {
  if (!prefixes && !countries) return true;
  if (prefixes?.some((prefix) => to.startsWith(prefix))) return true;
  const country = countries ? countryOf(to) : null;
  return country !== null && countries!.includes(country);
}

/** Draws one after the other by their weights; the same message draws the same. */
function drawn(ids: ProviderId[], weightOf: (id: ProviderId) => number, messageId: MessageId): ProviderId[] {
  const left = [...ids];
  const order: ProviderId[] = [];
  while (left.length > 0) {
    let at = fraction(messageId, order.length) * left.reduce((sum, id) => sum + weightOf(id), 0);
    const index = left.findIndex((id) => (at -= weightOf(id)) < 0);
    order.push(...left.splice(index, 1));
  }
  return order;
}

/** A number from 0 to less than 1 that looks like chance: FNV-1a, then the finalizer of MurmurHash3, which mixes all bits. */
function fraction(messageId: MessageId, turn: number): number {
  let hash = 0x811c9dc5 ^ turn;
  for (let i = 0; i < messageId.length; i++) hash = Math.imul(hash ^ messageId.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}
