/** Our API: profiles. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { faultOfProfile } from '#domain/profile.ts';
import type { Profile, ProfileFields } from '#domain/profile.ts';
import { ID_LENGTH_MAX } from '#domain/request.ts';
import type { ApiTools } from '../api-tools.ts';
import { Refusal } from '../refusal.ts';
import { callerAccount } from './entry.ts';
import { ProfileFieldsSchema } from './profile-schema.ts';

/** The endpoints; `registerRoutes` gives them their URLs. */
export function profileEndpoints({ profiles }: ApiTools) {
  const userOf = (request: FastifyRequest): string => {
    const { userId } = request.params as { userId: string };
    if (userId.length > ID_LENGTH_MAX)
      throw new Refusal('invalid', `userId must have 1 to ${ID_LENGTH_MAX} characters`);
    return userId;
  };

  async function find(request: FastifyRequest): Promise<object> {
    const userId = userOf(request);
    const profile = await profiles.load(callerAccount(request).id, userId);
    if (!profile) throw new Refusal('not_found', `there is no profile of the user "${userId}"`);
    return profileView(profile);
  }

  function fieldsOf(request: FastifyRequest): ProfileFields {
    const fields = request.body as ProfileFields;
    const fault = faultOfProfile(fields, 'profile');
    if (fault) throw new Refusal('invalid', fault);
    return fields;
  }

  return {
    get: { config: { scope: 'read' as const }, handler: find },

    put: {
      schema: { body: ProfileFieldsSchema },
      config: { scope: 'trigger' as const },
      handler: async (request: FastifyRequest) => {
        await profiles.put(callerAccount(request).id, userOf(request), fieldsOf(request));
        return find(request);
      },
    },

    patch: {
      schema: { body: ProfileFieldsSchema },
      config: { scope: 'trigger' as const },
      handler: async (request: FastifyRequest) => {
        await profiles.merge(callerAccount(request).id, userOf(request), fieldsOf(request));
        return find(request);
      },
    },

    remove: {
      config: { scope: 'trigger' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const userId = userOf(request);
        if (await profiles.remove(callerAccount(request).id, userId)) return reply.code(204).send();
        throw new Refusal('not_found', `there is no profile of the user "${userId}"`);
      },
    },
  };
}

function profileView({ userId, fields }: Profile): object {
  const { firstName, lastName, email, phone, birthDate, gender, locale, timeZone, internalId } = fields;
  const { attributes, devices, subscriptions, consents } = fields;
  const named = { firstName, lastName, email, phone, birthDate, gender, locale, timeZone };
  const orNull = Object.fromEntries(Object.entries(named).map(([name, value]) => [name, value ?? null]));
  const lists = { attributes: attributes ?? {}, devices: devices ?? [], consents: consents ?? {} };
  // Only those who came from another vendor have these.
  const fromElsewhere = {
    ...((internalId ?? null) !== null && { internalId }),
    ...(subscriptions && subscriptions.length > 0 && { subscriptions }),
  };
  return { userId, ...fromElsewhere, ...orNull, ...lists };
}
