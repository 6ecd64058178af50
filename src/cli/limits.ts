/** `carom limits`: what is left of them. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { table } from './cells.ts';
import { listAll } from './client.ts';
import { answer, clientCommand, openSession } from './client-command.ts';
import type { CliIo } from './io.ts';

/** A limit as the API lists it. */
interface LimitView {
  api: string;
  /** Such as `200/s`; null: there is none. */
  limit: string | null;
  remaining: number | null;
  /** Seconds until there is one again. */
  retryAfter: number | null;
}

/** The command. */
export function limitCommand(program: CommandUnknownOpts, io: CliIo): void {
  clientCommand(program, 'limits')
    .description('the account’s rate limits, and what is left of them on all nodes together')
    .action(async (options) => {
      const session = await openSession(options, io);
      const all = await listAll<LimitView>(session.client, '/v1/limits');
      const rows = all.map(({ api, limit, remaining, retryAfter }) => [
        api,
        limit ?? 'none',
        remaining === null ? '' : String(remaining),
        retryAfter ? `in ${retryAfter} s` : '',
      ]);
      answer(session, all, () => table(['api', 'limit', 'left', 'next'], rows, session.style));
    });
}
