/** What a request would do: planned and rendered, with nothing written and nothing sent. */
import type { Account } from '#domain/account.ts';
import type { TransactionRequest } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import type { Transaction } from '#domain/transaction.ts';
import { plan } from './accept.ts';
import type { Refusal } from './accept.ts';
import { prepare } from './send.ts';
import type { Prepared, SendTools } from './send.ts';

/** The plan of each leg, in order. */
export type DryRun =
  | { kind: 'refused'; refusal: Refusal }
  | { kind: 'planned'; transaction: Transaction; legs: Prepared[] };

/** Validates like an acceptance, then prepares every leg as if its turn had come. */
export async function dryRun(
  tools: SendTools,
  account: Account,
  request: TransactionRequest,
  now: Instant,
): Promise<DryRun> {
  const planned = plan(tools.config, account, request, now);
  if (planned.kind === 'refused') return planned;
  const { transaction } = planned;
  const legs = await Promise.all(
    transaction.legs.map((_, position) => prepare(tools, { transaction, request }, position)),
  );
  return { kind: 'planned', transaction, legs };
}
