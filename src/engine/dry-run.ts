/** What a request would do: planned and rendered, with nothing written and nothing sent. */
import type { Account } from '#domain/account.ts';
import type { TransactionRequest } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import type { Transaction } from '#domain/transaction.ts';
import { plan } from './plan.ts';
import type { Refusal } from './plan.ts';
import { prepare } from './prepare.ts';
import type { PrepareTools, Prepared } from './prepare.ts';
import { untracked } from './tracking.ts';

/** The plan of each message of the transaction, in order. */
export type DryRun =
  | { kind: 'refused'; refusal: Refusal }
  | { kind: 'planned'; transaction: Transaction; messages: Prepared[] };

/** Validates like an acceptance, then prepares every message as if its turn had come. */
export async function dryRun(
  tools: PrepareTools,
  account: Account,
  request: TransactionRequest,
  now: Instant,
): Promise<DryRun> {
  const planned = plan(tools.config, account, request, now);
  if (planned.kind === 'refused') return planned;
  const { transaction } = planned;
  const preparing = transaction.messages.map((_, index) => prepare(tools, { transaction, request }, index));
  const messages = (await Promise.all(preparing)).map((one): Prepared => {
    return one.kind === 'ready' ? { ...one, message: { ...one.message, ...untracked(one.message) } } : one;
  });
  return { kind: 'planned', transaction, messages };
}
