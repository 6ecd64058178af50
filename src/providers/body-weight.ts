/** How big the body of a request may become: a name that stands for a whole value can be written many times. */
import type { Json } from '#domain/request.ts';
import { ContentError } from './http-template.ts';

/** Characters of a request's body, as JSON or as a form, roughly. */
export const BODY_LENGTH_MAX = 2_000_000;
/** What each value counts for beside its text. */
const VALUE_WEIGHT = 10;

/** The body, if it may be sent. Looks no further than to the limit. @throws {ContentError} */
export function sendable<Body extends Json | undefined>(body: Body): Body {
  let weight = 0;
  add(body);
  return body;

  function add(value: Json | undefined): void {
    weight += VALUE_WEIGHT;
    if (typeof value === 'string') weight += value.length;
    if (weight > BODY_LENGTH_MAX)
      throw new ContentError(`the body of the request would have more than ${BODY_LENGTH_MAX} characters; send less`);
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) return value.forEach(add);
    for (const [key, element] of Object.entries(value)) {
      weight += key.length;
      add(element);
    }
  }
}
