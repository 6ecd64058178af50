/** `carom providers`: look at them. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { stringify } from 'yaml';
import { table } from './cells.ts';
import { listAll } from './client.ts';
import { answer, clientCommand, openSession } from './client-command.ts';
import type { CliIo } from './io.ts';
import { presetCommand } from './presets.ts';
import { providerTestCommand } from './provider-test.ts';
import { vapidCommand } from './vapid.ts';

/** A provider as the API lists it. */
export interface ProviderView {
  id: string;
  channel: string;
  type: string;
  receipts: string;
  health: HealthView;
}

/** How it fares: its circuit, and the calls that the node which was asked has made lately. */
interface HealthView {
  state: string;
  calls: number;
  successRate: number | null;
  latencyP95Ms: number | null;
}

/** The command and its subcommands. */
export function providerCommands(program: CommandUnknownOpts, io: CliIo): void {
  const providers = program.command('providers').description('list, show and test providers; print presets');
  clientCommand(providers, 'list', true)
    .description('all of them (what "carom providers" does)')
    .action(async (options) => {
      const session = await openSession(options, io);
      const all = await listAll<ProviderView>(session.client, '/v1/providers');
      const rows = all.map(({ id, channel, type, receipts, health }) => [id, channel, type, receipts, told(health)]);
      answer(session, all, () =>
        all.length === 0
          ? 'there are no providers; apply a manifest'
          : table(['id', 'channel', 'type', 'receipts', 'health'], rows, session.style),
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
  providerTestCommand(providers, io);
  presetCommand(providers, io);
  vapidCommand(providers, io);
}

/** `open, 12 % of 40 calls good, 95 % in 130 ms`. */
function told({ state, calls, successRate, latencyP95Ms }: HealthView): string {
  if (successRate === null || latencyP95Ms === null) return state;
  const percent = Math.floor(successRate * 100);
  const counted = `${calls} ${calls === 1 ? 'call' : 'calls'}`;
  return `${state}, ${percent} % of ${counted} good, 95 % in ${Math.round(latencyP95Ms)} ms`;
}
