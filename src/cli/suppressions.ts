/** `carom suppressions`: the addresses that are not written to any more. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { table } from './cells.ts';
import { answer, clientCommand, openSession } from './client-command.ts';
import type { CliIo } from './io.ts';

/** Entries shown where nothing else is asked for. */
const SHOWN_DEFAULT = '50';

interface SuppressionView {
  channel: string;
  address: string;
  reason: string;
  at: string;
  providerId: string | null;
}

/** The command and its subcommands. */
export function suppressionCommands(program: CommandUnknownOpts, io: CliIo): void {
  const suppressions = program.command('suppressions').description('list, add and remove suppressed addresses');
  clientCommand(suppressions, 'list', true)
    .description('the newest (what "carom suppressions" does)')
    .option('--channel <channel>', 'only of this channel')
    .option('--reason <reason>', 'only for this reason: hard_bounce, complaint, unsubscribed, manual')
    .option('--limit <count>', 'how many, up to 200', SHOWN_DEFAULT)
    .action(async (options) => {
      const session = await openSession(options, io);
      const { channel, reason, limit } = options;
      const { body } = await session.client.request('GET', '/v1/suppressions', { query: { channel, reason, limit } });
      const { data } = body as { data: SuppressionView[] };
      const rows = data.map((one) => [one.at, one.channel, one.address, one.reason, one.providerId ?? '']);
      answer(session, data, () =>
        data.length === 0
          ? 'no address is suppressed'
          : table(['since', 'channel', 'address', 'reason', 'provider'], rows, session.style),
      );
    });
  clientCommand(suppressions, 'add')
    .description('nothing is sent there any more')
    .argument('<channel>')
    .argument('<address>')
    .option('--reason <reason>', 'hard_bounce, complaint, unsubscribed or manual', 'manual')
    .action(async (channel, address, options) => {
      const session = await openSession(options, io);
      const { reason } = options;
      const { body } = await session.client.request('PUT', pathOf(channel, address), { body: { reason } });
      const view = body as SuppressionView;
      answer(session, body, () => `${view.address} is suppressed on the channel ${channel}`);
    });
  clientCommand(suppressions, 'remove')
    .description('it may be written to again')
    .argument('<channel>')
    .argument('<address>')
    .action(async (channel, address, options) => {
      const session = await openSession(options, io);
      await session.client.request('DELETE', pathOf(channel, address));
      answer(session, { channel, address, removed: true }, () => `${address} may be written to again`);
    });
}

function pathOf(channel: string, address: string): string {
  return `/v1/suppressions/${encodeURIComponent(channel)}/${encodeURIComponent(address)}`;
}
