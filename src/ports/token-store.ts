/** The token buckets that all nodes share. `tests/conformance/token-store.ts` says the same in tests. */
import type { Ask, Grant } from '#domain/shared-bucket.ts';

/**
 * The promises: asks of all nodes are settled one after the other, by one clock; what is answered is stored; the asks of
 * a few ms share a statement.
 */
export interface TokenStore {
  /**
   * Settles an ask of the bucket of this name.
   * @throws {StoreUnavailableError | OverloadedError} whether it was settled is then not known: told again, what was used
   *   may count twice.
   */
  exchange(name: string, ask: Ask): Promise<Grant>;
  /** Forgets buckets that nobody has asked for so long. */
  prune(unusedMs: number): Promise<void>;
}
