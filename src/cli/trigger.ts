/** `carom trigger`: one transaction for one user, or a batch for those in a file. */
import { Option } from '@commander-js/extra-typings';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { TARGET_KINDS, UNKNOWN_USERS } from '#domain/batch.ts';
import type { JsonObject } from '#domain/request.ts';
import { MODES } from '#domain/transaction.ts';
import type { Mode } from '#domain/transaction.ts';
import { answer, clientCommand, openSession } from './client-command.ts';
import type { Session } from './client-command.ts';
import { drawDryRun } from './dry-run.ts';
import type { DryRunView } from './dry-run.ts';
import { usage } from './failure.ts';
import { followTransaction } from './follow.ts';
import type { CliIo } from './io.ts';
import { paint, toneOf } from './paint.ts';
import { addPair, jsonObject, together, wholeNumber } from './pairs.ts';
import { triggerFile } from './trigger-file.ts';
import type { TransactionView } from './transaction-view.ts';

const MODE_DEFAULT: Mode = 'fallback_on_delivery_failure';

const EXAMPLES = `
Examples (quotes keep the shell away from the tilde):
  carom trigger '~otp' --user u-42 --phone +919876543210 --token code=4711 --ttl 300
  carom trigger '~order-whatsapp' '~order-sms' --user u-42 --follow
  carom trigger '~spring' --file users.csv --param code=SPRING --errors errors.csv --follow
  carom trigger '~a' '~b' --user u-42 --mode all --token-json '{"order": {"id": 4711}}' --dry-run
`;

/** The command. */
export function triggerCommand(program: CommandUnknownOpts, io: CliIo): void {
  clientCommand(program, 'trigger')
    .description('trigger campaigns for a user, or for those in a file, in this order')
    .argument('[campaign...]', 'campaign ids')
    .option('--campaign <id>', 'the same; repeat it for more', addWord)
    .option('--user <id>', 'the user')
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
    .option('--skip-triggers', 'with --event: it starts no campaign')
    .option('--dry-run', 'plan and render it, send nothing')
    .option('--file <path>', 'all recipients of a .csv, .ndjson or .jsonl file, instead of --user')
    .addOption(new Option('--target-by <kind>', 'with --file: what names them').choices(TARGET_KINDS))
    .addOption(new Option('--unknown-users <what>', 'with --file: what becomes of them').choices(UNKNOWN_USERS))
    .option('--errors <path>', 'with --file: write the refused ones there, as CSV')
    .option('--upload-key <name>', 'with --file: the same file under another name is sent again')
    .option('--follow', 'draw it until it ends; the exit status says how')
    .addHelpText('after', EXAMPLES)
    .action(async (words, { campaign = [], ...options }) => {
      const campaignIds = [...words, ...campaign];
      if (campaignIds.length === 0) throw usage(`name at least one campaign: carom trigger '~welcome' …`);
      const { file, user } = options;
      refuseOthers(options, file === undefined ? FOR_A_FILE : FOR_ONE_USER);
      if (file !== undefined) return triggerFile(await openSession(options, io), campaignIds, { ...options, file });
      if (user === undefined) throw usage('name the user with --user, or a file of recipients with --file');
      await triggerOne(await openSession(options, io), campaignIds, { ...options, user });
    });
}

function addWord(word: string, before: string[] | undefined): string[] {
  return [...(before ?? []), word];
}

/** What can be said of one user alone, and of a file alone. */
const FOR_ONE_USER = ['user', 'phone', 'email', 'txnId', 'token', 'tokenJson', 'event', 'skipTriggers', 'dryRun'];
const FOR_A_FILE = ['targetBy', 'unknownUsers', 'errors', 'uploadKey'];

function refuseOthers(options: object, unfit: string[]): void {
  const found = Object.entries(options).find(([name, value]) => value !== undefined && unfit.includes(name));
  if (!found) return;
  const option = `--${found[0].replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw usage(
    unfit === FOR_A_FILE ? `${option} is for --file` : `${option} is for one user; leave it out, or leave out --file`,
  );
}

/** What can be said of one user. */
interface OneOptions {
  user: string;
  mode: Mode;
  phone?: string | undefined;
  email?: string | undefined;
  txnId?: string | undefined;
  ttl?: number | undefined;
  startAt?: string | undefined;
  token?: JsonObject | undefined;
  tokenJson?: JsonObject | undefined;
  param?: JsonObject | undefined;
  event?: string | undefined;
  skipTriggers?: true | undefined;
  dryRun?: true | undefined;
  follow?: true | undefined;
}

async function triggerOne(session: Session, campaignIds: string[], options: OneOptions): Promise<void> {
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
    skipTriggers: options.skipTriggers,
  };
  if (options.dryRun) return dryRun(session, body);
  const { body: accepted, headers } = await session.client.request('POST', '/v1/transactions', { body });
  const view = accepted as TransactionView;
  if (headers.get('idempotent-replayed') === 'true')
    session.io.err(`txnId ${view.txnId} was triggered before: nothing is sent again\n`);
  if (options.follow) return followTransaction(session, view.id);
  answer(session, view, () => drawAccepted(view, session));
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
