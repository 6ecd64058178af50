/** Runs a command line and turns how it ended into an exit status. */
import { CommanderError } from '@commander-js/extra-typings';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { CommandFailure, messageOf } from './failure.ts';
import { EXIT, terminalIo } from './io.ts';
import type { CliIo } from './io.ts';

/** Set to anything: unexpected errors are shown with their stack. */
const DEBUG_VARIABLE = 'CAROM_DEBUG';

/**
 * Runs the program and sets the exit status; never throws.
 * @param args the words after the command's name.
 */
export async function runProgram(
  program: CommandUnknownOpts,
  io: CliIo = terminalIo(),
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  try {
    await program.parseAsync(args, { from: 'user' });
    // Nothing is set when it went well: a verb that goes on (a server) may have its own word on that by then.
  } catch (error) {
    io.setExitStatus(explain(error, io));
  }
}

/** Says what went wrong, unless that has been said. @returns the exit status. */
function explain(error: unknown, io: CliIo): number {
  // Commander has printed it already: help and version are its errors too, with exit code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CommandFailure) {
    for (const line of error.lines) io.err(`${line}\n`);
    io.err(`error: ${error.message}\n`);
    return error.exitStatus;
  }
  io.err(`error: ${messageOf(error)}\n`);
  if (io.env[DEBUG_VARIABLE] && error instanceof Error) io.err(`${error.stack}\n`);
  return EXIT.failed;
}
