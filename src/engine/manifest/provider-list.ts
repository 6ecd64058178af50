/** `provider` and `providers` of a message: who sends it, and who stands in (semantics §2, "Failover"). */
import { isSupportedCountry } from 'libphonenumber-js/max';
import { isPhoneChannel } from '#domain/campaign.ts';
import type { Channel, MessageContent, ProviderRoute } from '#domain/campaign.ts';
import type { ProviderId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/request.ts';
import { below, blame, idOf, integerOf, isMap, listOf, refuseUnknown, required, setOf, textOf } from './reading.ts';
import type { Place } from './reading.ts';

/** Providers of one message. */
const PROVIDERS_MAX = 10;
/** Number prefixes of one of them, and countries: more than there are. */
const PREFIXES_MAX = 300;
const WEIGHT_MAX = 1_000;
/** The beginning of a number in E.164: a country code, and perhaps more. */
const PREFIX = /^\+[1-9]\d{0,14}$/;

/** Who sends a message. */
export type ProviderList = Pick<MessageContent, 'providers' | 'routes'>;

/** One of the list. */
interface Entry {
  id: ProviderId;
  route: ProviderRoute | null;
}

/** Reads the one or the several that stand in a message. @param channel undefined: it cannot be read. */
export function readProviders(map: Place<JsonObject>, channel: Channel | undefined): ProviderList | undefined {
  const [one, several] = [below(map, 'provider'), below(map, 'providers')];
  if (one.value !== undefined && several.value !== undefined) {
    return blame(several, 'stands beside "provider"; keep one of the two');
  }
  if (several.value !== undefined) return readSeveral(several, channel);
  const id = idOf(required(one, 'name the provider that sends it'));
  return id === undefined ? undefined : { providers: [id] };
}

function readSeveral(place: Place, channel: Channel | undefined): ProviderList | undefined {
  const list = listOf(place, PROVIDERS_MAX);
  if (list === undefined) return undefined;
  const entries = list.flatMap((each) => readEntry(each, channel) ?? []);
  if (entries.length < list.length) return undefined;
  // Each of them has been read; what is left to say is about all of them.
  const ids = setOf({ ...place, value: entries.map(({ id }) => id) }, PROVIDERS_MAX, idOf);
  if (!ids) return undefined;
  const routes = entries.flatMap(({ id, route }) => (route ? [[id, route] as const] : []));
  if (routes.length === 0) return { providers: ids };
  if (entries.every(({ route }) => route?.weight === 0))
    return blame(place, 'gives every provider the weight 0; give at least one more than that');
  return { providers: ids, routes: Object.fromEntries(routes) };
}

/** An id, or a map with more about it. */
function readEntry(place: Place, channel: Channel | undefined): Entry | undefined {
  if (!isMap(place.value)) {
    const id = idOf(place);
    return id === undefined ? undefined : { id, route: null };
  }
  const map = { ...place, value: place.value };
  refuseUnknown(map, ['id', 'weight', 'prefixes', 'countries']);
  const id = idOf(required(below(map, 'id'), 'name the provider'));
  const weight = integerOf(below(map, 'weight'), 0, WEIGHT_MAX);
  const prefixes = readNumbers(below(map, 'prefixes'), channel, prefixOf);
  const countries = readNumbers(below(map, 'countries'), channel, countryOf);
  if (id === undefined) return undefined;
  const route = {
    ...(weight !== undefined && { weight }),
    ...(prefixes && { prefixes }),
    ...(countries && { countries }),
  };
  return { id, route: Object.keys(route).length > 0 ? route : null };
}

function readNumbers(
  place: Place,
  channel: Channel | undefined,
  read: (place: Place) => string | undefined,
): string[] | undefined {
  if (place.value === undefined) return undefined;
  if (channel !== undefined && !isPhoneChannel(channel))
    return blame(place, `stands in a message for ${channel}, which does not go to a phone number; leave it out`);
  return setOf(place, PREFIXES_MAX, read);
}

function prefixOf(place: Place): string | undefined {
  const prefix = textOf(place);
  if (prefix === undefined || PREFIX.test(prefix)) return prefix;
  return blame(place, 'is no beginning of a number; write "+" and digits, such as "+91"');
}

function countryOf(place: Place): string | undefined {
  const country = textOf(place);
  if (country === undefined || isSupportedCountry(country)) return country;
  return blame(place, 'is no country; give two letters of ISO 3166, such as IN');
}

/** As a manifest writes it. */
export function providersView({ providers, routes }: ProviderList): JsonObject {
  if (!routes) return providers.length === 1 ? { provider: providers[0]! } : { providers };
  return { providers: providers.map((id) => (routes[id] ? { id, ...routes[id] } : id)) };
}
