/** Rows with their credentials sealed beside the rest, all those of a row together: `{…, sealed}`. */
import { putBack, takeOut } from '#domain/credentials.ts';
import type { Credential, SecretPaths } from '#domain/credentials.ts';
import type { JsonObject } from '#domain/request.ts';
import { SealError } from '#ports/sealer.ts';
import type { Vault } from '#ports/sealer.ts';

/** A row of configuration that may have credentials. */
export interface SealedRow {
  kind: 'provider' | 'webhook' | 'campaign';
  accountId: string;
  id: string;
  /** Of a campaign. */
  version?: number;
}

/**
 * The body as it is stored.
 * @param keyId the database's key, which another node may have changed; null: it has none.
 * @throws {SealError} when that key is not here: nobody else could read it, or everybody could.
 */
export function sealBody(vault: Vault, keyId: string | null, row: SealedRow, body: object): object {
  const { sealer } = vault;
  const { rest, credentials } = takeOut(body as JsonObject, secretsOf(vault, row, body));
  if (credentials.length === 0 || (!sealer && keyId === null)) return body;
  if (!sealer) throw new SealError(`${nameOf(row)} has to be sealed; ${NEEDS_KEY}`);
  return { ...rest, sealed: sealer.seal(JSON.stringify(credentials), nameOf(row), keyId ?? sealer.keyId) };
}

const NEEDS_KEY = 'set CAROM_SECRET_KEY to the key that the other nodes have';

/** The body as it was. @throws {SealError} */
export function openBody<Body extends object>({ sealer }: Vault, row: SealedRow, stored: Body): Body {
  const { sealed, ...rest } = stored as Body & { sealed?: string };
  if (sealed === undefined) return stored;
  if (!sealer) throw new SealError(`${nameOf(row)} is sealed; ${NEEDS_KEY}`);
  const credentials = JSON.parse(sealer.open(sealed, nameOf(row))) as Credential[];
  return putBack(rest as JsonObject, credentials) as unknown as Body;
}

/** What is to be stored instead, sealed with the key of now; null: it is so already. */
export function resealed(vault: Vault, row: SealedRow, stored: object): object | null {
  const { sealed } = stored as { sealed?: string };
  if (sealed !== undefined && vault.sealer?.isCurrent(sealed)) return null;
  const body = openBody(vault, row, stored);
  const fresh = sealBody(vault, null, row, body);
  return fresh === body ? null : fresh;
}

function secretsOf({ secrets }: Vault, { kind }: SealedRow, body: object): SecretPaths {
  switch (kind) {
    case 'provider':
      // The address where its vendor reports is as good as a password.
      return [
        'receiptSecret',
        ...secrets.ofProvider((body as { type: string }).type).map((path) => `settings.${path}`),
      ];
    case 'webhook':
      return secrets.webhook;
    case 'campaign':
      return secrets.hook.map((path) => `stages.*.hook.request.${path}`);
  }
}

/** What the credentials are bound to; also how a person is told of them. */
function nameOf({ kind, accountId, id, version }: SealedRow): string {
  return `the ${kind} ${JSON.stringify(id)}${version === undefined ? '' : ` version ${version}`} of the account ${JSON.stringify(accountId)}`;
}
