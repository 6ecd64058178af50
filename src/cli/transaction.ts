/** `carom transaction ID` */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { clientCommand, openSession } from './client-command.ts';
import { followTransaction, loadTransaction, showTransaction } from './follow.ts';
import type { CliIo } from './io.ts';

const EXAMPLES = `
With --follow the exit status says how it ended: 0 for succeeded and completed, else 1.

Examples:
  carom transaction 019f3a1c-8a3f-7c1e-9d2a-3f0000000012
  carom transaction order-4711 --follow
`;

/** The command. */
export function transactionCommand(program: CommandUnknownOpts, io: CliIo): void {
  clientCommand(program, 'transaction')
    .description('draw what happened to a transaction')
    .argument('<id>', 'its id or txnId')
    .option('--follow', 'until it ends')
    .addHelpText('after', EXAMPLES)
    .action(async (id, options) => {
      const session = await openSession(options, io);
      if (options.follow) return followTransaction(session, id);
      showTransaction(session, await loadTransaction(session.client, id));
    });
}
