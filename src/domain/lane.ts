/** The names of the lines in which messages wait for the pace of a provider, or of one of its senders (`lane` of a row). */
import type { AccountId, ProviderId } from './ids.ts';

/** Whose line it is. */
export interface Lane {
  /** Of those made from batches; they stand in lines of their own, behind the others. */
  isBulk: boolean;
  accountId: AccountId;
  providerId: ProviderId;
  /** The sender whose pace it is; null: the provider's own. */
  sender: string | null;
}

/** The name, at most some 400 characters. Names of single transactions' lines sort before those of batches. */
export function laneName({ isBulk, accountId, providerId, sender }: Lane): string {
  return JSON.stringify([isBulk ? 'bulk' : '', accountId, providerId, ...(sender === null ? [] : [sender])]);
}

/** The inverse of {@link laneName}; null for what is none. */
export function laneOf(name: string): Lane | null {
  const parts = parsed(name);
  if (!Array.isArray(parts) || !parts.every((part) => typeof part === 'string') || parts.length < 3) return null;
  const [kind, accountId, providerId, sender = null] = parts as [string, string, string, string?];
  return { isBulk: kind === 'bulk', accountId, providerId, sender };
}

function parsed(name: string): unknown {
  try {
    return JSON.parse(name);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
