/** Where the links in messages lead. There is no key: a link is its own. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Visited } from '#engine/visits.ts';
import type { ApiTools } from '../api-tools.ts';
import { errorHandler } from '../as-refusal.ts';
import type { CallbackBody } from '../callback-bodies.ts';
import { Refusal } from '../refusal.ts';
import {
  PAGE_HEADERS,
  PAGE_TYPE,
  RESUBSCRIBE_FIELD,
  UNSUBSCRIBE_FIELD,
  refusalPage,
  resubscribedPage,
  subscribedPage,
  unsubscribedPage,
} from './pages.ts';
import { machineReason } from './visitor.ts';

/** Bytes of what is sent to unsubscribe. */
const BODY_MAX_BYTES = 10_240;
/** One transparent pixel. */
const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

/** The endpoints; `registerRoutes` gives them their URLs. */
export function trackingEndpoints({ engine }: ApiTools) {
  const { visits } = engine;

  async function visitOf(request: FastifyRequest): Promise<Visited> {
    return known(await visits.unsubscription(tokenOf(request)));
  }

  function show(reply: FastifyReply, visited: Visited, page: typeof subscribedPage) {
    const sender = engine.config.account(visited.accountId)?.name ?? 'this sender';
    return reply.type(PAGE_TYPE).send(page(sender, visited.channel));
  }

  return {
    /** Of everything here. */
    enter: async (_request: FastifyRequest, reply: FastifyReply) => void reply.headers(PAGE_HEADERS),
    errorHandler: errorHandler(refusalPage),

    click: {
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const visited = known(await visits.click(tokenOf(request)));
        reply.redirect(visited.url, 302);
        visits.note(visited, 'clicked', machineReason(request, 'clicked'));
        return reply;
      },
    },
    open: {
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const visited = known(await visits.open(tokenOf(request)));
        reply.type('image/gif').send(PIXEL);
        visits.note(visited, 'opened', machineReason(request, 'opened'));
        return reply;
      },
    },
    page: {
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const visited = await visitOf(request);
        return show(reply, visited, (await visits.isSubscribed(visited)) ? subscribedPage : unsubscribedPage);
      },
    },
    change: {
      bodyLimit: BODY_MAX_BYTES,
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const visited = await visitOf(request);
        const wanted = wantedBy((request.body as CallbackBody | undefined)?.read);
        await visits.subscribe(visited, wanted === 'resubscribe');
        if (wanted === 'resubscribe') return show(reply, visited, resubscribedPage);
        show(reply, visited, unsubscribedPage);
        visits.note(visited, 'unsubscribed', null);
        return reply;
      },
    },
  };
}

function tokenOf(request: FastifyRequest): string {
  return (request.params as { token: string }).token;
}

function known<Found>(found: Found | null): Found {
  if (found === null) throw new Refusal('not_found', 'there is no such link');
  return found;
}

/** @param body the fields of a form, or the text of any other body. */
function wantedBy(body: unknown): 'unsubscribe' | 'resubscribe' {
  const says = ({ name, value }: typeof UNSUBSCRIBE_FIELD) =>
    typeof body === 'string'
      ? saysInText(body, name, value)
      : (body as Record<string, unknown> | null)?.[name] === value;
  if (says(UNSUBSCRIBE_FIELD)) return 'unsubscribe';
  if (says(RESUBSCRIBE_FIELD)) return 'resubscribe';
  throw new Refusal('invalid', `send ${UNSUBSCRIBE_FIELD.name}=${UNSUBSCRIBE_FIELD.value} as a form`);
}

/** RFC 8058 §3.1 lets programs send multipart/form-data; and some forget to say what they send. */
function saysInText(body: string, name: string, value: string): boolean {
  const part = new RegExp(`name="?${name}"?[^\\r\\n]*\\r?\\n(?:[^\\r\\n]+\\r?\\n)*\\r?\\n${value}\\r?\\n--`, 'i');
  return part.test(body) || new URLSearchParams(body.trim()).get(name) === value;
}
