/** Whose request it is: the API key says the account; the operator's key is valid for every account. */
import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { allows } from '#domain/account.ts';
import type { Account, Scope } from '#domain/account.ts';
import type { ConfigCache } from '#engine/config-cache.ts';
import { parameter } from './query.ts';
import { Refusal } from './refusal.ts';

/** A request whose key was recognised. */
export interface Caller {
  /** Null: the operator, who names an account with each request. */
  accountId: string | null;
  scopes: readonly Scope[];
}

/** The header by which the operator names the account (the query parameter `account` works too). */
const ACCOUNT_HEADER = 'carom-account';

/** Recognises keys. */
export interface Auth {
  /** @throws {Refusal} unauthorized. */
  recognise(key: string | null): Caller;
}

/** @param adminKeyHash SHA-256 (hex) of the operator's key. */
export function createAuth(config: ConfigCache, adminKeyHash: string): Auth {
  return {
    recognise: (key) => {
      if (key === null || key === '') {
        throw new Refusal('unauthorized', 'no API key was given; send it as "Authorization: Bearer <key>"');
      }
      const sha256 = hash('sha256', key, 'hex');
      // Hashes are compared, not keys: what the time of the comparison tells is of no use.
      if (sha256 === adminKeyHash) return { accountId: null, scopes: ['admin'] };
      const known = config.keyByHash(sha256);
      if (!known) throw new Refusal('unauthorized', 'the API key is not valid; make one with "carom keys create"');
      return { accountId: known.accountId, scopes: known.scopes };
    },
  };
}

/** The key of an `Authorization: Bearer` header; null when there is none. */
export function bearerKey(request: FastifyRequest): string | null {
  const match = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '');
  return match ? match[1]! : null;
}

/** @throws {Refusal} forbidden, when the caller's key lacks the scope. */
export function demand(caller: Caller, scope: Scope): void {
  if (!allows(caller.scopes, scope)) throw new Refusal('forbidden', `the API key lacks the scope "${scope}"`);
}

/**
 * The account a request to our own API is about.
 * @throws {Refusal} when the operator names none and there is not exactly one, or when it does not exist.
 */
export function accountOf(config: ConfigCache, caller: Caller, request: FastifyRequest): Account {
  const header = request.headers[ACCOUNT_HEADER];
  const named = parameter(request, 'account') ?? (typeof header === 'string' ? header : null);
  if (caller.accountId !== null) {
    if (named !== null && named !== caller.accountId)
      throw new Refusal('not_found', `there is no account "${named}" for this key`);
    return existing(config, caller.accountId);
  }
  if (named !== null) return existing(config, named);
  const accounts = config.accounts();
  if (accounts.length === 1) return accounts[0]!;
  const remedy =
    accounts.length === 0 ? 'there is none yet; apply a manifest' : `name one in the header ${ACCOUNT_HEADER}`;
  throw new Refusal('invalid', `the operator's key is valid for every account: ${remedy}`);
}

/** The account that an address names, for dialects whose addresses do; null when there is none, or it is not the caller's. */
export function accountInAddress(config: ConfigCache, { accountId }: Caller, id: string): Account | null {
  return accountId === null || accountId === id ? config.account(id) : null;
}

function existing(config: ConfigCache, id: string): Account {
  const account = config.account(id);
  if (!account) throw new Refusal('not_found', `there is no account "${id}"`);
  return account;
}
