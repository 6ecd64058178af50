/** `carom transaction ID`: drawn, or done again. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { clientCommand, openSession } from './client-command.ts';
import type { Session } from './client-command.ts';
import { usage } from './failure.ts';
import { followTransaction, loadTransaction, showTransaction } from './follow.ts';
import type { CliIo } from './io.ts';
import type { TransactionView } from './transaction-view.ts';

const EXAMPLES = `
With --follow the exit status says how it ended: 0 for succeeded and completed, else 1.

Examples:
  carom transaction 019f3a1c-8a3f-7c1e-9d2a-3f0000000012
  carom transaction order-4711 --follow
  carom transaction order-4711 --replay --follow
`;

/** The command. */
export function transactionCommand(program: CommandUnknownOpts, io: CliIo): void {
  clientCommand(program, 'transaction')
    .description('draw what happened to a transaction')
    .argument('<id>', 'its id or txnId')
    .option('--replay', 'do it again, as a new transaction with the same request; it must have ended')
    .option('--txn-id <id>', 'with --replay: your own id for the new one')
    .option('--follow', 'until it ends')
    .addHelpText('after', EXAMPLES)
    .action(async (id, options) => {
      const session = await openSession(options, io);
      if (options.txnId !== undefined && !options.replay)
        throw usage('--txn-id is for --replay; leave it out, or add --replay');
      const wanted = options.replay ? await replay(session, id, options.txnId) : id;
      if (options.follow) return followTransaction(session, wanted);
      showTransaction(session, await loadTransaction(session.client, wanted));
    });
}

/** Makes it once more. @returns the id of the new one. */
async function replay({ client, io }: Session, id: string, txnId: string | undefined): Promise<string> {
  const { body, headers } = await client.request('POST', `/v1/transactions/${encodeURIComponent(id)}/replay`, {
    body: { txnId },
  });
  const { id: made, txnId: named } = body as TransactionView;
  if (headers.get('idempotent-replayed') === 'true')
    io.err(`txnId ${named} was triggered before: nothing is sent again\n`);
  return made;
}
