/** The command `carom`: every verb on one page. */
import { Command } from '@commander-js/extra-typings';
import { applyCommand } from './apply.ts';
import { batchCommands } from './batches.ts';
import { campaignCommands } from './campaigns.ts';
import { doctorCommand } from './doctor.ts';
import { terminalIo } from './io.ts';
import type { CliIo } from './io.ts';
import { keyCommands } from './keys.ts';
import { limitCommand } from './limits.ts';
import { styleFor } from './paint.ts';
import { providerCommands } from './providers.ts';
import { serverCommands } from './start-options.ts';
import type { Verbs } from './start-options.ts';
import { suppressionCommands } from './suppressions.ts';
import { transactionCommand } from './transaction.ts';
import { triggerCommand } from './trigger.ts';
import { webhookCommands } from './webhooks.ts';

const DESCRIPTION =
  'One call, every channel, until it lands: transactional messages with fallback that waits for receipts.';

const EXAMPLES = `
Examples:
  carom start --demo
  carom apply manifests/ --dry-run
  carom trigger '~order-whatsapp' '~order-sms' --user u-42 --follow
  carom transaction order-4711
  carom doctor

All but start and migrate talk to a running server: --url or CAROM_URL, --key or CAROM_KEY.
Exit status: 0 done, 1 it failed, 2 the command line is wrong. "carom help COMMAND" says more.
`;

/** The program, for `runProgram`. `verbs` are what only the whole of Carom can do. */
export function buildProgram(verbs: Verbs, io: CliIo = terminalIo()): Command {
  const hasColours = () => styleFor(io).colour;
  const program = new Command('carom')
    .description(DESCRIPTION)
    .version(io.version, '--version')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('("--help" shows what can be said here)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      getOutHelpWidth: () => io.columns,
      getErrHelpWidth: () => io.columns,
      getOutHasColors: hasColours,
      getErrHasColors: hasColours,
    });
  serverCommands(program, verbs, io);
  applyCommand(program, io);
  triggerCommand(program, io);
  transactionCommand(program, io);
  batchCommands(program, io);
  campaignCommands(program, io);
  providerCommands(program, io);
  suppressionCommands(program, io);
  webhookCommands(program, io);
  keyCommands(program, io);
  limitCommand(program, io);
  doctorCommand(program, io);
  return program;
}
