/** The handler of the endpoint at which Carom is WebEngage's gateway. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Account } from '#domain/account.ts';
import type { ApiTools } from '../api-tools.ts';
import { errorHandler } from '../as-refusal.ts';
import { accountOf, bearerKey, demand } from '../auth.ts';
import { takeFromLimit } from '../limit-headers.ts';
import { Refusal } from '../refusal.ts';
import * as words from './webengage-gateway.ts';
import type { GatewayChannel } from './webengage-gateway.ts';

/** The endpoint; `registerRoutes` gives it its URL. */
export function webengageGatewayEndpoints({ engine, auth }: ApiTools) {
  function accountIn(request: FastifyRequest): Account {
    const caller = auth.recognise(bearerKey(request) ?? basicKey(request));
    demand(caller, 'trigger');
    return accountOf(engine.config, caller, request);
  }

  /** Those of the address; else the running one that is called as the vendor's template is. */
  function campaignsFor({ query }: FastifyRequest, account: Account, templateName: string | null): string[] {
    const { campaignIds } = query as { campaignIds?: string | string[] };
    const named = [campaignIds ?? []].flat().flatMap((value) => value.split(','));
    if (named.length > 0) return named;
    const found = engine.config
      .campaigns(account.id)
      .find(({ name, state }) => templateName !== null && name === templateName && state === 'running');
    if (!found) throw words.withoutCampaign(templateName);
    return [found.id];
  }

  return {
    errorHandler: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
      errorHandler(words.gatewayRefusal(channelIn(request) ?? 'sms'))(error, request, reply),

    take: {
      onRequest: async (request: FastifyRequest, reply: FastifyReply) => {
        if (channelIn(request) === null)
          throw new Refusal('not_found', `the address must end in one of ${words.GATEWAY_CHANNELS.join(', ')}`);
        await takeFromLimit(engine.limits, accountIn(request).id, 'transaction', reply);
      },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const channel = channelIn(request)!;
        const account = accountIn(request);
        const { request: wanted, templateName } = words.gatewayCall(channel, request.body);
        const campaignIds = campaignsFor(request, account, templateName);
        const result = await engine.accept(account, { ...wanted, campaignIds });
        if (result.kind === 'refused') {
          const { kind, message } = result.refusal;
          throw new Refusal(kind === 'campaign_unknown' ? 'not_found' : kind, message);
        }
        if (result.kind !== 'accepted') reply.header('idempotent-replayed', 'true');
        return words.takenAnswer(channel);
      },
    },
  };
}

function channelIn(request: FastifyRequest): GatewayChannel | null {
  const { channel } = request.params as { channel?: string };
  return words.GATEWAY_CHANNELS.find((known) => known === channel) ?? null;
}

/** The password of an `Authorization: Basic` header is the key, whatever the username. */
function basicKey({ headers }: FastifyRequest): string | null {
  const match = /^Basic +([\w+/=]+) *$/i.exec(headers.authorization ?? '');
  const credentials = match ? Buffer.from(match[1]!, 'base64').toString() : '';
  return credentials.includes(':') ? credentials.slice(credentials.indexOf(':') + 1) : null;
}
