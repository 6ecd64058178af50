/** How the bodies of Xtremepush's calls come in: JSON under any name, and large. */
import type { FastifyInstance } from 'fastify';
import { SHARED_LENGTH_MAX } from '#domain/batch.ts';
import { acceptLargeJsonBodies } from '../large-json-bodies.ts';

/** Bytes of a call: 100,000 users with some values of their own. */
export const CALL_MAX_BYTES = 16_777_216;
/** The member that may be an object of many thousand members. */
const LARGE_MEMBERS = ['target_with_params'];

/**
 * The scope reads every body as JSON. The vendor's clients send it under other types too: curl, as the vendor's samples
 * call it, says that it is a form.
 */
export function acceptJsonUnderAnyName(scope: FastifyInstance): void {
  acceptLargeJsonBodies(scope, SHARED_LENGTH_MAX, { type: '*', asEntries: LARGE_MEMBERS });
}
