/** The handlers of WebEngage's users and events endpoints. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { faultOfProfile } from '#domain/profile.ts';
import type { JsonObject } from '#domain/request.ts';
import { newUuid } from '#engine/new-ids.ts';
import type { ApiTools } from '../api-tools.ts';
import { Refusal } from '../refusal.ts';
import { accountIn, answer, entrance } from './webengage-entry.ts';
import * as tracking from './webengage-tracking.ts';

/** The endpoints; `registerRoutes` gives them their URLs. */
export function webengageTrackingEndpoints(tools: ApiTools) {
  const enter = entrance(tools);
  return {
    users: {
      schema: { body: tracking.UserBody },
      onRequest: enter('users'),
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const body = request.body as tracking.UserBody;
        const userId = tracking.userOf(body);
        const fields = tracking.profileFields(body);
        const fault = faultOfProfile(fields, 'user');
        if (fault) throw new Refusal('invalid', fault);
        await tools.profiles.merge(accountIn(tools, request).id, userId, fields);
        return answer(request, reply, tracking.QUEUED);
      },
    },

    events: {
      schema: { body: tracking.EventBody },
      onRequest: enter('events'),
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const body = request.body as tracking.EventBody;
        const accountId = accountIn(tools, request).id;
        const now = tools.clock.now();
        const event = {
          id: newUuid(now),
          accountId,
          userId: tracking.userOf(body),
          eventName: body.eventName,
          eventTime: tracking.eventTimeOf(body, now),
          eventData: (body.eventData ?? {}) as JsonObject,
        };
        const given = tracking.requestOf(request.headers);
        await tools.engine.track(event, given && { request: given });
        return answer(request, reply, tracking.QUEUED);
      },
    },
  };
}
