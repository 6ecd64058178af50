import type { FastifyInstance } from 'fastify';

/** A callback's body, read, and as it came. */
export interface CallbackBody {
  read: unknown;
  raw: Buffer;
}

/** Vendors call back with JSON, forms, text or nothing, and not always under the right name: the body is read as what it is. */
export function acceptCallbackBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (request, bytes, done) => {
    const raw = bytes as Buffer;
    const body: CallbackBody = { read: bodyOf(raw.toString(), request.headers['content-type'] ?? ''), raw };
    done(null, body);
  });
}

function bodyOf(text: string, contentType: string): unknown {
  if (contentType.includes('x-www-form-urlencoded')) return Object.fromEntries(new URLSearchParams(text));
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: what the provider's own expressions make of the text is theirs to say.
    return text;
  }
}
