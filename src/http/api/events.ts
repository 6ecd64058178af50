/** Our API: tracked events. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Static } from 'typebox';
import type { JsonObject } from '#domain/request.ts';
import { isoTime, parseInstant } from '#domain/time.ts';
import type { TrackedEvent } from '#domain/tracked-event.ts';
import { newUuid } from '#engine/new-ids.ts';
import type { ApiTools } from '../api-tools.ts';
import { parameter } from '../query.ts';
import { Refusal } from '../refusal.ts';
import { callerAccount } from './entry.ts';
import { pageQuery } from './page-query.ts';

const EventBody = Type.Object(
  {
    userId: Type.String({ minLength: 1, maxLength: 100 }),
    eventName: Type.String({ minLength: 1, maxLength: 100 }),
    eventTime: Type.Optional(Type.String()),
    eventData: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    skipTriggers: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The endpoints; `registerRoutes` gives them their URLs. */
export function eventEndpoints({ engine, events, clock }: ApiTools) {
  async function list(request: FastifyRequest, userId: string | undefined): Promise<object> {
    const eventName = parameter(request, 'eventName');
    const { limit, cursor } = pageQuery(request, (text) => UUID.test(text));
    const filter = { accountId: callerAccount(request).id, ...(userId && { userId }), ...(eventName && { eventName }) };
    const page = await events.list(filter, limit, cursor);
    return { data: page.data.map(eventView), next: page.next };
  }

  return {
    create: {
      schema: { body: EventBody },
      config: { scope: 'trigger' as const },
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const {
          userId,
          eventName,
          eventTime,
          eventData = {},
          skipTriggers = false,
        } = request.body as Static<typeof EventBody>;
        const now = clock.now();
        const at = eventTime === undefined ? now : parseInstant(eventTime);
        if (at === null) throw new Refusal('invalid', 'eventTime must be an ISO-8601 time with an offset');
        const accountId = callerAccount(request).id;
        const event = {
          id: newUuid(now),
          accountId,
          userId,
          eventName,
          eventTime: at,
          eventData: eventData as JsonObject,
        };
        await engine.track(event, { skipTriggers });
        return reply.code(202).send(eventView(event));
      },
    },
    list: {
      config: { scope: 'read' as const },
      handler: (request: FastifyRequest) => list(request, parameter(request, 'userId')),
    },
    ofUser: {
      config: { scope: 'read' as const },
      handler: (request: FastifyRequest) => list(request, (request.params as { userId: string }).userId),
    },
  };
}

function eventView({ id, userId, eventName, eventTime, eventData }: TrackedEvent): object {
  return { id, userId, eventName, eventTime: isoTime(eventTime), eventData };
}
