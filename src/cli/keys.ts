/** `carom keys`: list, create and remove API keys. */
import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { SCOPES } from '#domain/account.ts';
import type { Scope } from '#domain/account.ts';
import { table } from './cells.ts';
import { listAll } from './client.ts';
import { answer, clientCommand, openSession } from './client-command.ts';
import type { CliIo } from './io.ts';

interface KeyView {
  id: string;
  hint: string;
  scopes: Scope[];
}

/** The command and its subcommands. */
export function keyCommands(program: CommandUnknownOpts, io: CliIo): void {
  const keys = program.command('keys').description('list, create and remove API keys');
  clientCommand(keys, 'list', true)
    .description('all of them (what "carom keys" does)')
    .action(async (options) => {
      const session = await openSession(options, io);
      const all = await listAll<KeyView>(session.client, '/v1/keys');
      const rows = all.map(({ id, hint, scopes }) => [id, hint, scopes.join(', ')]);
      answer(session, all, () =>
        all.length === 0
          ? 'there are no keys; make one with "carom keys create"'
          : table(['id', 'key', 'scopes'], rows, session.style),
      );
    });
  clientCommand(keys, 'create')
    .description('a new one; it is shown this once')
    .requiredOption('--scopes <list>', `what it may do: ${SCOPES.join(', ')} (with commas between)`, scopesOf)
    .option('--name <name>', 'to tell it from others')
    .addHelpText('after', '\nExample:\n  carom keys create --scopes trigger,read --name shop\n')
    .action(async (options) => {
      const session = await openSession(options, io);
      const body = { scopes: options.scopes, name: options.name };
      const { body: created } = await session.client.request('POST', '/v1/keys', { body });
      const { id, key, scopes } = created as KeyView & { key: string };
      // The key alone goes to stdout: $(carom keys create …) is the key.
      if (!session.json) io.err(`key ${id} may ${scopes.join(', ')}; it is not shown again:\n`);
      answer(session, created, () => key);
    });
  clientCommand(keys, 'remove')
    .description('one; who uses it is refused from then on')
    .argument('<id>')
    .action(async (id, options) => {
      const session = await openSession(options, io);
      await session.client.request('DELETE', `/v1/keys/${encodeURIComponent(id)}`);
      answer(session, { id, removed: true }, () => `key ${id} is removed`);
    });
}

function scopesOf(text: string): Scope[] {
  return text.split(',').map((part) => {
    const scope = SCOPES.find((known) => known === part.trim());
    if (!scope) throw new InvalidArgumentError(`"${part.trim()}" is none of ${SCOPES.join(', ')}.`);
    return scope;
  });
}
