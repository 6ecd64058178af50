import { hash } from 'node:crypto';
import type { Json, TransactionRequest } from '#domain/request.ts';

/** SHA-256 (hex) of what was asked, whatever the order of its keys: tells a repeat from a reuse of the txnId (semantics §4). */
export function fingerprintOf(request: TransactionRequest): string {
  return hash('sha256', JSON.stringify(sorted(request as unknown as Json)), 'hex');
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, child]) => [key, sorted(child)]);
}
