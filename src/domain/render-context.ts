/** What a template sees (semantics §8). */
import type { Profile } from './profile.ts';
import type { JsonObject, TransactionRequest } from './request.ts';
import type { Transaction } from './transaction.ts';

/**
 * The render context, lowest to highest priority: profile fields and attributes, then request-wide params, then the
 * recipient's own. Names are there in the API's writing and, for fields, in snake_case (`first_name`). Namespaces beside
 * them: `token`, `user`, `txn`, and the parameters once more as `apicontent` (Altcraft) and `variables` (Connectly).
 * @param params the request-wide ones: those of the request, or of its batch.
 */
export function renderContext(
  transaction: Pick<Transaction, 'id' | 'txnId' | 'userId'>,
  request: Pick<TransactionRequest, 'token' | 'recipientParams'>,
  params: JsonObject,
  profile: Profile | null,
): JsonObject {
  const user = userNamespace(transaction.userId, profile);
  const given = { ...params, ...request.recipientParams };
  return {
    ...user,
    // A client may have given the namespace itself.
    apicontent: given,
    variables: given,
    ...given,
    token: request.token,
    user,
    txn: { id: transaction.id, txn_id: transaction.txnId, user_id: transaction.userId },
  };
}

function userNamespace(userId: string, profile: Profile | null): JsonObject {
  const { firstName, lastName, birthDate, gender, email, phone, locale, timeZone, attributes } = profile?.fields ?? {};
  const known: JsonObject = {};
  const fields = { firstName, lastName, birthDate, gender, email, phone, locale, timeZone };
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    known[name] = value;
    known[snakeCase(name)] = value;
  }
  return { ...attributes, ...known, user_id: userId, userId };
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
