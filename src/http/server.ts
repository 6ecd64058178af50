/** The HTTP server: limits, logging, and the routes. */
import Fastify, { LogController } from 'fastify';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { errorHandler } from './as-refusal.ts';
import type { ApiTools } from './api-tools.ts';
import { letFilesTakeLong } from './uploads/file-bodies.ts';
import { BODY_MAX_BYTES, acceptJsonBodies } from './json-bodies.ts';
import { Refusal } from './refusal.ts';
import { refusalShape, registerRoutes } from './routes.ts';

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
    // A path that cannot be decoded, or has a very long parameter.
    frameworkErrors: (error, request, reply) => {
      errorHandler(refusalShape(request.raw.url ?? ''))(error, request, reply);
    },
  });
  app.addHook('onRequest', (request, _reply, done) => {
    const fault = faultOfUrl(request.raw.url ?? '');
    done(fault === null ? undefined : new Refusal('invalid', fault));
  });
  letFilesTakeLong(app);
  acceptJsonBodies(app);
  registerRoutes(app, tools, role);
  return app;
}

/** The query parser would let `%zz` and `%ff` through as they stand, and PostgreSQL keeps no U+0000 in a text. */
function faultOfUrl(url: string): string | null {
  if (!url.includes('%')) return null;
  try {
    return decodeURIComponent(url).includes('\0') ? 'the URL has the character U+0000' : null;
  } catch (error) {
    if (error instanceof URIError) return 'the URL has a bad percent-encoding';
    throw error;
  }
}
