/** What a check of `carom doctor` found, and how that is shown. */
import { clean } from './cells.ts';
import { ServerAbsent } from './client.ts';
import { CommandFailure } from './failure.ts';
import { paint, sign } from './paint.ts';
import type { Style } from './paint.ts';

/** What one check found. */
export interface Finding {
  /** What was looked at: a word or two. */
  check: string;
  result: 'ok' | 'warning' | 'failure';
  /** What is so. */
  what: string;
  /** What to do; null: nothing. */
  remedy: string | null;
}

/** A check that found nothing to do. */
export function fine(check: string, what: string): Finding {
  return { check, result: 'ok', what, remedy: null };
}

/** Something that may be meant so. */
export function warning(check: string, what: string, remedy: string | null): Finding {
  return { check, result: 'warning', what, remedy };
}

/** A request that failed. Where nobody answered, the error itself has a remedy. */
export function failed(check: string, error: unknown, remedy: string): Finding {
  if (!(error instanceof CommandFailure)) throw error;
  return { check, result: 'failure', what: error.message, remedy: error instanceof ServerAbsent ? null : remedy };
}

const TONES = { ok: 'good', warning: 'doubtful', failure: 'bad' } as const;
/** The width of the checks' names. */
const CHECK_WIDTH = 16;

/** One line, and one for the remedy. */
export function drawFinding({ check, result, what, remedy }: Finding, style: Style): string {
  const tone = TONES[result];
  const mark = tone === 'doubtful' ? '!' : sign(tone, style);
  const line = `${paint(mark, tone, style)} ${check.padEnd(CHECK_WIDTH)} ${clean(what)}`;
  return remedy === null ? line : `${line}\n  ${' '.repeat(CHECK_WIDTH)} ${sign('becomes', style)} ${clean(remedy)}`;
}
