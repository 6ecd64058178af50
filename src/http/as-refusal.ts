/** Turns whatever a handler or Fastify threw into a refusal that can be said to a client. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { CallbackDeferredError, CallbackError, ForgedCallbackError } from '#ports/provider.ts';
import { SealError } from '#ports/sealer.ts';
import { OverloadedError, StoreUnavailableError } from '#ports/unavailable.ts';
import { Refusal } from './refusal.ts';

/** When to come again while the database is away or this node has its hands full. */
const RETRY_AFTER_S = 2;

/** The refusal for an error; bugs become `internal`, with nothing of the error's text. */
function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof StoreUnavailableError) {
    return new Refusal('unavailable', 'the database cannot be reached; nothing was accepted, try again', {
      retryAfterS: RETRY_AFTER_S,
    });
  }
  if (error instanceof OverloadedError) {
    return new Refusal('unavailable', `too much at once: ${error.message}; try again`, { retryAfterS: RETRY_AFTER_S });
  }
  if (error instanceof CallbackDeferredError)
    return new Refusal('unavailable', `${error.message}; try again`, { retryAfterS: RETRY_AFTER_S });
  // Of a node without the others' key: only its operator can mend that.
  if (error instanceof SealError) return new Refusal('internal', error.message);
  if (error instanceof CallbackError) return new Refusal('invalid', error.message);
  if (error instanceof ForgedCallbackError) return new Refusal('forbidden', error.message);
  return ofFastify(error as Partial<FastifyError>);
}

function ofFastify({ validation, validationContext, statusCode, message }: Partial<FastifyError>): Refusal {
  if (validation) {
    const faults = validation.map(({ instancePath, message: text, params }) => ({
      path: instancePath.split('/').slice(1).map(unescapePointer),
      message:
        'additionalProperty' in params ? `${text}: ${String(params.additionalProperty)}` : (text ?? 'is not valid'),
    }));
    const [first] = faults;
    const where = first!.path.join('.') || (validationContext ?? 'body');
    return new Refusal('invalid', `${where} ${first!.message}`, { faults });
  }
  if (statusCode === 413) return new Refusal('too_large', 'the body is larger than this endpoint takes');
  if (statusCode === 415) return new Refusal('unsupported_media_type', 'send the body as application/json');
  if (statusCode !== undefined && statusCode < 500)
    return new Refusal('invalid', message ?? 'the request cannot be read');
  return new Refusal('internal', 'something went wrong here; it has been logged');
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** Writes a refusal's body in a scope's own shape. @param requestId as it is in our log. */
export type RenderRefusal = (refusal: Refusal, requestId: string) => { body: unknown; type: string };

/** What every scope's error handler does. */
export function errorHandler(render: RenderRefusal) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const refusal = asRefusal(error);
    if (refusal.kind === 'internal') request.log.error({ error, url: request.routeOptions.url }, 'a request failed');
    if (refusal.retryAfterS !== null) reply.header('retry-after', refusal.retryAfterS);
    // Fastify would hang up on a client that is still sending: it would see a broken connection, not this answer.
    if (refusal.kind === 'too_large') reply.removeHeader('connection');
    const { body, type } = render(refusal, request.id);
    return reply.code(refusal.status).type(type).send(body);
  };
}
