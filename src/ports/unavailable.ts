/** A store cannot be reached now; the same call may succeed later. Answered 503 with `Retry-After` (semantics §10). */
export class StoreUnavailableError extends Error {
  override name = 'StoreUnavailableError';
}

/** A bounded queue is full: the answer is 503 early, instead of growing (semantics §10). */
export class OverloadedError extends Error {
  override name = 'OverloadedError';
}
