/** `carom trigger`: one transaction for one user. */
import { Option } from '@commander-js/extra-typings';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { MODES } from '#domain/transaction.ts';
import type { Mode } from '#domain/transaction.ts';
import { answer, clientCommand, openSession } from './client-command.ts';
import type { Session } from './client-command.ts';
import { drawDryRun } from './dry-run.ts';
import type { DryRunView } from './dry-run.ts';
import { followTransaction } from './follow.ts';
import type { CliIo } from './io.ts';
import { paint, toneOf } from './paint.ts';
import { addPair, jsonObject, together, wholeNumber } from './pairs.ts';
import type { TransactionView } from './transaction-view.ts';

const MODE_DEFAULT: Mode = 'fallback_on_delivery_failure';

const EXAMPLES = `
Examples (quotes keep the shell away from the tilde):
  carom trigger '~otp' --user u-42 --phone +919876543210 --token code=4711 --ttl 300
  carom trigger '~order-whatsapp' '~order-sms' --user u-42 --follow
  carom trigger '~a' '~b' --user u-42 --mode all --token-json '{"order": {"id": 4711}}' --dry-run
`;

/** The command. */
export function triggerCommand(program: CommandUnknownOpts, io: CliIo): void {
  clientCommand(program, 'trigger')
    .description('trigger campaigns for a user, in this order')
    .argument('<campaign...>', 'campaign ids')
    .requiredOption('--user <id>', 'the user')
    .addOption(new Option('--mode <mode>', 'when the next campaign gets its turn').choices(MODES).default(MODE_DEFAULT))
    .option('--phone <number>', 'instead of the profile’s')
    .option('--email <address>', 'instead of the profile’s')
    .option('--txn-id <id>', 'your own id: the same one again triggers nothing')
    .option('--ttl <seconds>', 'after this, no further campaign gets its turn', wholeNumber)
    .option('--start-at <time>', 'later: 2026-05-21T10:00:00+05:30')
    .option('--token <name=value>', 'for {{ token.name }}; repeat it for more', addPair)
    .option('--token-json <object>', 'the same as a JSON object; --token adds to it', jsonObject)
    .option('--param <name=value>', 'for {{ name }}; repeat it for more', addPair)
    .option('--event <name>', 'track this event')
    .option('--dry-run', 'plan and render it, send nothing')
    .option('--follow', 'draw it until it ends; the exit status says how')
    .addHelpText('after', EXAMPLES)
    .action(async (campaignIds, options) => {
      const session = await openSession(options, io);
      const body = {
        campaignIds,
        mode: options.mode,
        userId: options.user,
        txnId: options.txnId,
        ttl: options.ttl,
        startAt: options.startAt,
        token: together(options.tokenJson, options.token),
        params: options.param,
        email: options.email,
        phone: options.phone,
        track: options.event === undefined ? undefined : { eventName: options.event },
      };
      if (options.dryRun) return dryRun(session, body);
      const { body: accepted, headers } = await session.client.request('POST', '/v1/transactions', { body });
      const view = accepted as TransactionView;
      if (headers.get('idempotent-replayed') === 'true')
        io.err(`txnId ${view.txnId} was triggered before: nothing is sent again\n`);
      if (options.follow) return followTransaction(session, view.id);
      answer(session, view, () => drawAccepted(view, session));
    });
}

function drawAccepted({ id, txnId, state }: TransactionView, { style }: Session): string {
  return [`id     ${id}`, `txnId  ${txnId}`, `state  ${paint(state, toneOf(state), style)}`].join('\n');
}

async function dryRun(session: Session, body: object): Promise<void> {
  const { body: planned } = await session.client.request('POST', '/v1/transactions', {
    query: { dryRun: 'true' },
    body,
  });
  answer(session, planned, () => drawDryRun(planned as DryRunView, session.style));
}
