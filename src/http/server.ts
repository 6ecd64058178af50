/** The HTTP server: limits, logging, and the routes. */
import Fastify, { LogController } from 'fastify';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply } from 'fastify';
import { asRefusal } from './as-refusal.ts';
import type { ApiTools } from './api-tools.ts';
import { problem } from './problem.ts';
import { Refusal } from './refusal.ts';
import { registerRoutes } from './routes.ts';

/** Bytes of a body, unless a route says otherwise. */
const BODY_MAX_BYTES = 1_048_576;
/** Bytes of a path parameter. */
const PARAM_MAX = 500;
/** A client that sends its request slower than this is cut off. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How long an idle keep-alive connection stays open. */
const KEEP_ALIVE_MS = 72_000;

/** A server with the routes of its role, not listening yet. */
export function createServer(tools: ApiTools, role: 'all' | 'api' | 'worker'): FastifyInstance {
  const app: FastifyInstance = Fastify({
    loggerInstance: tools.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_MAX_BYTES,
    routerOptions: { maxParamLength: PARAM_MAX, ignoreTrailingSlash: true },
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    // Nothing of a body is dropped or changed behind the client's back.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
    frameworkErrors: (error, _request, reply) => {
      const refusal = asRefusal(error);
      const { body, type } = problem(refusal);
      (reply as FastifyReply).code(refusal.status).type(type).send(body);
    },
  });
  app.addHook('onRequest', (request, _reply, done) => {
    // The query parser would let `%zz` through as it stands.
    if (/%(?![0-9a-f]{2})/i.test(request.raw.url ?? '')) return done(new Refusal('invalid', 'the URL has a bad percent-encoding'));
    done();
  });
  refuseNulCharacters(app);
  registerRoutes(app, tools, role);
  return app;
}

/** PostgreSQL keeps no U+0000 in a text. Said here, once, rather than found in the middle of a batch. */
function refuseNulCharacters(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text: string, done) => {
    if (NUL.test(text)) return done(new Refusal('invalid', 'the body has the character U+0000, which cannot be stored'));
    return parse(request, text, done);
  });
}

/** A NUL as it is, or escaped (by an odd number of backslashes; an even one is a backslash and the text "u0000"). */
const NUL = /\0|(?<!\\)(?:\\\\)*\\u0000/;
