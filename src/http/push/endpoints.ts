/** What users' devices ask of us: the service worker, and where they report. There is no key: a message's token is its own. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ReportStatus } from '#engine/visits.ts';
import type { ApiTools } from '../api-tools.ts';
import { Refusal } from '../refusal.ts';
import { SERVICE_WORKER, SERVICE_WORKER_HEADERS } from './service-worker.ts';

const REPORTS: readonly ReportStatus[] = ['delivered', 'opened', 'clicked'];
/** Bytes of a report's body, which is not looked at. */
const BODY_MAX_BYTES = 1_024;
/** Browsers report from the pages' own origins; none of them may be told anything. */
const REPORT_HEADERS = {
  'access-control-allow-origin': '*',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

/** The endpoints; `registerRoutes` gives them their URLs. */
export function pushEndpoints({ engine }: ApiTools) {
  return {
    serviceWorker: {
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        reply.headers(SERVICE_WORKER_HEADERS);
        const isKnown = request.headers['if-none-match'] === SERVICE_WORKER_HEADERS.etag;
        return isKnown ? reply.code(304).send() : reply.send(SERVICE_WORKER);
      },
    },

    report: {
      bodyLimit: BODY_MAX_BYTES,
      /** On refusals too: else the browser does not let the worker see them. */
      onRequest: async (_request: FastifyRequest, reply: FastifyReply) => void reply.headers(REPORT_HEADERS),
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const { token, status: said } = request.params as { token: string; status: string };
        const status = REPORTS.find((one) => one === said);
        const visited = status && (await engine.visits.reported(token));
        if (!visited) throw new Refusal('not_found', 'there is no such message to report on');
        await engine.visits.report(visited, status);
        return reply.code(204).send();
      },
    },
  };
}
