/** A vault for tests of what is built on it: seals all settings of providers, and the credentials of the others. */
import type { Vault } from '#ports/sealer.ts';
import { aesSealer } from '#secrets/aes-sealer.ts';

/** The vault's key; any will do. */
const KEY = 'a key that only tests have';

/** The same for all nodes of a test. */
export const TEST_VAULT: Vault = {
  sealer: await aesSealer([KEY], Buffer.alloc(32)),
  secrets: { ofProvider: () => ['*'], webhook: ['auth.token', 'auth.secret', 'auth.password'], hook: ['headers.*'] },
};
