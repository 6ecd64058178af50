/** Our API: the list of addresses that are not written to any more. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Static } from 'typebox';
import { CHANNELS } from '#domain/campaign.ts';
import type { Channel } from '#domain/campaign.ts';
import { SUPPRESSION_REASONS } from '#domain/suppression.ts';
import type { SuppressedAddress, Suppression } from '#domain/suppression.ts';
import { isoTime } from '#domain/time.ts';
import { suppressionAddress } from '#engine/suppressions.ts';
import type { ApiTools } from '../api-tools.ts';
import { word } from '../query.ts';
import { Refusal } from '../refusal.ts';
import { callerAccount } from './entry.ts';
import { pageQuery } from './page-query.ts';

const Body = Type.Object(
  { reason: Type.Optional(Type.Enum([...SUPPRESSION_REASONS])) },
  { additionalProperties: false },
);

const isCursor = (text: string): boolean => /^\d{1,15}\.[a-z_]{1,20}\.[\w-]{1,4000}$/.test(text);

/** The endpoints; `registerRoutes` gives them their URLs. */
export function suppressionEndpoints({ engine, suppressionStore, clock }: ApiTools) {
  async function find(wanted: SuppressedAddress): Promise<object> {
    const found = await suppressionStore.find(wanted);
    if (!found) throw absent(wanted);
    return suppressionView(found);
  }

  return {
    list: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => {
        const { limit, cursor } = pageQuery(request, isCursor);
        const channel = word(request, 'channel', CHANNELS);
        const reason = word(request, 'reason', SUPPRESSION_REASONS);
        const filter = { accountId: callerAccount(request).id, ...(channel && { channel }), ...(reason && { reason }) };
        const page = await suppressionStore.list(filter, limit, cursor);
        return { data: page.data.map(suppressionView), next: page.next };
      },
    },

    get: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => find(namedBy(request)),
    },

    put: {
      schema: { body: Body },
      config: { scope: 'trigger' as const },
      // Nothing has to be said.
      preValidation: async (request: FastifyRequest) => {
        request.body ??= {};
      },
      handler: async (request: FastifyRequest) => {
        const { reason = 'manual' } = request.body as Static<typeof Body>;
        const wanted = namedBy(request);
        await engine.suppressions.add({ ...wanted, reason, at: clock.now(), providerId: null, messageId: null });
        return find(wanted);
      },
    },

    remove: {
      config: { scope: 'trigger' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const wanted = namedBy(request);
        if (await suppressionStore.remove(wanted)) return reply.code(204).send();
        throw absent(wanted);
      },
    },
  };
}

/** The address in the URL, in the form in which it is stored. */
function namedBy(request: FastifyRequest): SuppressedAddress {
  const { channel: given, address: text } = request.params as { channel: string; address: string };
  const channel = CHANNELS.find((known): known is Channel => known === given);
  if (!channel) throw new Refusal('not_found', `there is no channel "${given}"; use one of ${CHANNELS.join(', ')}`);
  const account = callerAccount(request);
  const address = suppressionAddress(account, channel, text);
  if (address !== null) return { accountId: account.id, channel, address };
  const region = account.defaultRegion === null ? ', with its country code' : '';
  throw new Refusal('invalid', `"${text.slice(0, 100)}" is no address of the channel ${channel}; give one${region}`);
}

function absent({ channel, address }: SuppressedAddress): Refusal {
  return new Refusal('not_found', `${address} is not suppressed on the channel ${channel}; see "carom suppressions"`);
}

function suppressionView({ channel, address, reason, at, providerId, messageId }: Suppression): object {
  return { channel, address, reason, at: isoTime(at), providerId, messageId };
}
