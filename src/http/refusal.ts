/** Why a request is refused, before it is known in which API's shape that will be said. Thrown by handlers, caught by each scope. */

/** The kinds of refusal, each with the status code it has in every API here. */
export const REFUSAL_STATUS = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  txn_id_reused: 409,
  campaign_not_running: 412,
  too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const;

/** A word of {@link REFUSAL_STATUS}. */
export type RefusalKind = keyof typeof REFUSAL_STATUS;

/** One thing wrong with a body: where, and what to do about it. */
export interface BodyFault {
  path: (string | number)[];
  message: string;
}

/** A refusal on its way to the client. `message` says what to do. */
export class Refusal extends Error {
  readonly kind: RefusalKind;
  readonly retryAfterS: number | null;
  readonly faults: BodyFault[];

  constructor(kind: RefusalKind, message: string, more: { retryAfterS?: number; faults?: BodyFault[] } = {}) {
    super(message);
    this.kind = kind;
    this.retryAfterS = more.retryAfterS ?? null;
    this.faults = more.faults ?? [];
  }

  get status(): number {
    return REFUSAL_STATUS[this.kind];
  }
}
