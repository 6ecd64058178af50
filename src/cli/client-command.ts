/** What every command that talks to a server has in common: how to find the server, and how to answer. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { createClient, serverUrl } from './client.ts';
import type { Client } from './client.ts';
import { usage } from './failure.ts';
import type { CliIo } from './io.ts';
import { DATA_DIR_DEFAULT, findKey } from './key.ts';
import { styleFor } from './paint.ts';
import type { Style } from './paint.ts';

/** The local server. */
const URL_DEFAULT = 'http://127.0.0.1:8080';

/** A subcommand with the options that name the server; `isDefault`: what the parent does when no subcommand is named. */
export function clientCommand(parent: CommandUnknownOpts, name: string, isDefault = false) {
  const command = parent
    .command(name, { isDefault })
    .option('--url <url>', `the server (env CAROM_URL, default ${URL_DEFAULT})`)
    .option('--key <key>', 'the API key (env CAROM_KEY, else CAROM_ADMIN_KEY, else the data directory’s admin.key)')
    .option('--account <id>', 'the account, where the operator’s key is used (env CAROM_ACCOUNT)')
    .option('--data-dir <dir>', `where admin.key is (env CAROM_DATA_DIR, default ${DATA_DIR_DEFAULT})`)
    .option('--json', 'answer in JSON, for machines');
  if (isDefault) command.allowExcessArguments().hook('preAction', () => refuseWords(parent, command.args));
  return command;
}

/** The default command gets every word that names no other: a misspelt one, most often. */
function refuseWords(parent: CommandUnknownOpts, [word]: readonly string[]): void {
  if (word === undefined) return;
  throw usage(`there is no "carom ${parent.name()} ${word}"; see "carom ${parent.name()} --help"`);
}

/** The options of {@link clientCommand}. */
export interface ClientOptions {
  url?: string | undefined;
  key?: string | undefined;
  account?: string | undefined;
  dataDir?: string | undefined;
  json?: true | undefined;
}

/** What a command works with. */
export interface Session {
  client: Client;
  io: CliIo;
  style: Style;
  json: boolean;
}

/** Finds the server and the key. */
export async function openSession(options: ClientOptions, io: CliIo): Promise<Session> {
  const { env } = io;
  const url = serverUrl(options.url || env['CAROM_URL'] || URL_DEFAULT);
  const key = await findKey({ key: options.key, dataDir: dataDirOf(options, io) }, env);
  const account = options.account || env['CAROM_ACCOUNT'] || null;
  return { client: createClient({ url, key, account }), io, style: styleFor(io), json: options.json === true };
}

/** The data directory a command looks into. */
export function dataDirOf({ dataDir }: { dataDir?: string | undefined }, { env }: CliIo): string {
  return dataDir || env['CAROM_DATA_DIR'] || DATA_DIR_DEFAULT;
}

/** Answers: JSON for machines, else the text, with a line break. */
export function answer({ io, json }: Session, forMachines: unknown, forPeople: () => string): void {
  io.out(json ? `${JSON.stringify(forMachines, null, 2)}\n` : `${forPeople()}\n`);
}
