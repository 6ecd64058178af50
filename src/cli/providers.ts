/** `carom providers`: look at them. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { stringify } from 'yaml';
import { table } from './cells.ts';
import { listAll } from './client.ts';
import { answer, clientCommand, openSession } from './client-command.ts';
import type { CliIo } from './io.ts';

/** A provider as the API lists it. */
export interface ProviderView {
  id: string;
  channel: string;
  type: string;
  receipts: string;
}

/** The command and its subcommands. */
export function providerCommands(program: CommandUnknownOpts, io: CliIo): void {
  const providers = program.command('providers').description('list and show providers');
  clientCommand(providers, 'list', true)
    .description('all of them (what "carom providers" does)')
    .action(async (options) => {
      const session = await openSession(options, io);
      const all = await listAll<ProviderView>(session.client, '/v1/providers');
      const rows = all.map(({ id, channel, type, receipts }) => [id, channel, type, receipts]);
      answer(session, all, () =>
        all.length === 0
          ? 'there are no providers; apply a manifest'
          : table(['id', 'channel', 'type', 'receipts'], rows, session.style),
      );
    });
  clientCommand(providers, 'show')
    .description('one, with its settings and the address where its vendor reports (needs the scope admin)')
    .argument('<id>')
    .action(async (id, options) => {
      const session = await openSession(options, io);
      const { body } = await session.client.request('GET', `/v1/providers/${encodeURIComponent(id)}`);
      answer(session, body, () => stringify(body).trimEnd());
    });
}
