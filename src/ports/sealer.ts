/** Credentials at rest: unreadable without a key that is not in the database. */
import type { SecretPaths } from '#domain/credentials.ts';

/** Seals texts, each for one purpose. */
export interface Sealer {
  /** Which key is the first one; says nothing about it. */
  readonly keyId: string;
  /**
   * @param about what the text belongs to: opened as anything else, it does not open.
   * @param keyId with which of its keys. @throws {SealError} when it does not have that one.
   */
  seal(text: string, about: string, keyId: string): string;
  /** @throws {SealError} when none of the keys fits, or it is not what was sealed. */
  open(sealed: string, about: string): string;
  /** True for what is sealed with the first key. */
  isCurrent(sealed: string): boolean;
  /** Whether it can open what was sealed with that key. */
  knows(keyId: string): boolean;
}

/** What was sealed cannot be opened. The message says what to do. */
export class SealError extends Error {
  override name = 'SealError';
}

/** How configuration is sealed. */
export interface Vault {
  /** Null: there is no key, nothing is sealed. */
  sealer: Sealer | null;
  /** Where the credentials are: in a provider's settings, a webhook, the request of a journey's hook. */
  secrets: { ofProvider(type: string): SecretPaths; webhook: SecretPaths; hook: SecretPaths };
}
