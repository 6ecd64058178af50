/** How output may look here: colours, signs, width. */
import { styleText } from 'node:util';
import type { CliIo } from './io.ts';

/** What the place it is drawn for can show. */
export interface Style {
  colour: boolean;
  /** Characters in a line. */
  columns: number;
  /** Only ASCII signs; unset: box-drawing characters are fine. */
  ascii?: boolean;
}

/** Narrower terminals wrap the lines themselves. */
const COLUMNS_MIN = 60;

/** How something is meant; {@link paint} knows the colour. */
export type Tone = 'good' | 'bad' | 'doubtful' | 'going' | 'quiet' | 'strong' | 'plain';

const COLOURS = {
  good: 'green',
  bad: 'red',
  doubtful: 'yellow',
  going: 'cyan',
  quiet: 'dim',
  strong: 'bold',
} as const;

/** The text in the colour of its tone, where colours are wanted. */
export function paint(text: string, tone: Tone, style: Style): string {
  if (!style.colour || tone === 'plain' || text === '') return text;
  return styleText(COLOURS[tone], text, { validateStream: false });
}

const SIGNS = {
  start: ['●', '*'],
  line: ['─', '-'],
  accepted: ['○', 'o'],
  good: ['✓', '+'],
  bad: ['✕', 'x'],
  doubtful: ['?', '?'],
  going: ['▸', '>'],
  quiet: ['·', '.'],
  cut: ['…', '~'],
  becomes: ['→', '->'],
} as const;

/** A sign that the terminal can show. */
export function sign(name: keyof typeof SIGNS, style: Style): string {
  return SIGNS[name][style.ascii ? 1 : 0];
}

/** The style for a command's output: colours only on a terminal and without NO_COLOR (https://no-color.org). */
export function styleFor(io: CliIo): Style {
  const { NO_COLOR, TERM } = io.env;
  return {
    colour: io.isTty && !NO_COLOR && TERM !== 'dumb',
    columns: Math.max(COLUMNS_MIN, io.columns),
    ascii: isAscii(io),
  };
}

/** True where the locale names another encoding than UTF-8 (`C`, `POSIX`, `…ISO-8859-1`). No locale at all, as in containers, says nothing. */
function isAscii({ env }: CliIo): boolean {
  if (env['TERM'] === 'linux') return true;
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return locale !== '' && !/utf-?8/i.test(locale);
}

const TONE_OF_WORD: Record<string, Tone> = {
  succeeded: 'good',
  completed: 'good',
  delivered: 'good',
  read: 'good',
  opened: 'good',
  clicked: 'good',
  called: 'good',
  done: 'good',
  running: 'going',
  accepted: 'going',
  sent: 'going',
  sending: 'going',
  queued: 'going',
  waiting: 'going',
  failed: 'bad',
  expired: 'bad',
  rejected: 'bad',
  undelivered: 'bad',
  unconfirmed: 'doubtful',
  unknown: 'doubtful',
  retry: 'doubtful',
  throttled: 'doubtful',
  paused: 'doubtful',
  scheduled: 'quiet',
  pending: 'quiet',
  skipped: 'quiet',
  cancelled: 'quiet',
  ignored: 'quiet',
  draft: 'quiet',
  ended: 'quiet',
};

/** The tone of a state, or of what a timeline's entry says happened (`receipt.undelivered`). */
export function toneOf(word: string): Tone {
  return TONE_OF_WORD[word.slice(word.lastIndexOf('.') + 1)] ?? 'plain';
}
