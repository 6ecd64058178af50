/** How a command ends badly: with a few lines for a person and an exit status, never with a stack. */
import { EXIT } from './io.ts';

/** A failure that has been put into words. The message says what to do; `lines` are the single faults, already formatted. */
export class CommandFailure extends Error {
  override name = 'CommandFailure';
  readonly exitStatus: number;
  readonly lines: readonly string[];

  constructor(message: string, more: { exitStatus?: number; lines?: readonly string[]; cause?: unknown } = {}) {
    super(message, { cause: more.cause });
    this.exitStatus = more.exitStatus ?? EXIT.failed;
    this.lines = more.lines ?? [];
  }
}

/** The command line, or an environment variable that stands in for one of its options, is wrong. */
export function usage(message: string): CommandFailure {
  return new CommandFailure(message, { exitStatus: EXIT.usage });
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
