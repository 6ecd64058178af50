/** The key of this node, and everything in the database sealed with it before the node does anything else. */
import type { StartOptions } from '#cli/start-options.ts';
import { HOOK_SECRETS } from '#engine/manifest/hook.ts';
import { secretsOf } from '#engine/manifest/provider.ts';
import { WEBHOOK_SECRETS } from '#engine/manifest/webhook.ts';
import type { Log } from '#ports/log.ts';
import type { Vault } from '#ports/sealer.ts';
import type { Database } from '#postgres/connection.ts';
import { readSealingKey, sealWith } from '#postgres/sealing.ts';
import { PROVIDER_TYPES } from '#providers/catalog.ts';
import { aesSealer } from '#secrets/aes-sealer.ts';
import { keptKey, keyTexts, makeKey } from '#secrets/key-texts.ts';

/** Where credentials are, and how they are shown nowhere. */
const SECRETS: Vault['secrets'] = {
  ofProvider: (type) => secretsOf(type, PROVIDER_TYPES),
  webhook: WEBHOOK_SECRETS,
  hook: HOOK_SECRETS,
};

/**
 * Opens the vault. An embedded database's key is made, if need be; a database that nodes share needs the same on all of them,
 * so that it has to be given.
 * @param secretKey `CAROM_SECRET_KEY`.
 * @throws when the database's credentials were sealed with a key that this node does not have.
 */
export async function openVault(
  database: Database,
  { databaseUrl, dataDir }: Pick<StartOptions, 'databaseUrl' | 'dataDir'>,
  secretKey: string | undefined,
  log: Log,
): Promise<Vault> {
  const isEmbedded = databaseUrl === null;
  const given = keyTexts(secretKey) ?? [];
  for (;;) {
    const { salt, keyId } = await readSealingKey(database);
    // One that is given takes over from the one that was made here.
    const kept = isEmbedded ? await keptKey(dataDir) : null;
    const known = kept === null ? given : [...given, kept];
    const texts = known.length === 0 && isEmbedded && keyId === null ? [await makeKey(dataDir)] : known;
    const sealer = texts.length > 0 ? await aesSealer(texts, salt) : null;
    if (keyId !== null && !sealer?.knows(keyId)) throw new Error(foreignKey(keyId, given.length > 0, isEmbedded));
    if (!sealer) {
      log.warn({}, 'credentials are kept as they are: set CAROM_SECRET_KEY, the same on all nodes, to encrypt them');
      return { sealer, secrets: SECRETS };
    }
    const vault = { sealer, secrets: SECRETS };
    const sealed = await sealWith(database, vault, keyId);
    // Null: another node was faster; its key may be ours, or not.
    if (sealed === null) continue;
    if (sealed > 0) log.info({ sealed }, 'credentials were encrypted with the key of now');
    return vault;
  }
}

function foreignKey(keyId: string, isGiven: boolean, isEmbedded: boolean): string {
  const remedy = isGiven
    ? 'add that key to CAROM_SECRET_KEY, after a comma: the first one encrypts, all of them decrypt'
    : isEmbedded
      ? 'put that key into CAROM_SECRET_KEY, or its secret.key back into the data directory'
      : 'set CAROM_SECRET_KEY to the one that the other nodes have';
  return `the credentials in this database were encrypted with another key (${keyId}); ${remedy}`;
}
