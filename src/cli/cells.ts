/** Text in fixed widths: cutting, filling, tables. What comes from outside cannot steer the terminal. */
import { paint, sign, toneOf } from './paint.ts';
import type { Style } from './paint.ts';

/** Between two columns. */
const GAP = '  ';
/** A column is not cut below this. */
const COLUMN_MIN = 6;

const graphemes = new Intl.Segmenter();

/** Without control characters and changes of direction: a user's id must not be able to move the cursor or hide something. */
export function clean(text: string): string {
  return text.replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, ' ');
}

/** What a reader counts as characters. */
export function widthOf(text: string): number {
  // Ids are ASCII nearly always, and then this is the same and faster.
  return /^[\u0020-\u007e]*$/.test(text) ? text.length : [...graphemes.segment(text)].length;
}

/** The text, cut where it is longer than `width`. */
export function cut(text: string, width: number, style: Style): string {
  const safe = clean(text);
  if (widthOf(safe) <= width) return safe;
  const kept = [...graphemes.segment(safe)].slice(0, Math.max(0, width - 1));
  return kept.map(({ segment }) => segment).join('') + sign('cut', style);
}

/** The text in exactly `width` characters. */
export function fill(text: string, width: number, style: Style, side: 'left' | 'right' = 'left'): string {
  const short = cut(text, width, style);
  const space = ' '.repeat(Math.max(0, width - widthOf(short)));
  return side === 'left' ? short + space : space + short;
}

/** The text in lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
  const all = [...graphemes.segment(clean(text))].map(({ segment }) => segment);
  const lines: string[] = [];
  for (let at = 0; at < all.length; at += width) lines.push(all.slice(at, at + width).join(''));
  return lines;
}

/** A table with headings. Where it is too wide, its widest columns are cut. Cells that are states have their colour. */
export function table(headings: string[], rows: string[][], style: Style): string {
  const widths = headings.map((heading, column) =>
    Math.max(widthOf(heading), ...rows.map((row) => widthOf(clean(row[column] ?? '')))),
  );
  const room = style.columns - GAP.length * (headings.length - 1);
  while (sum(widths) > room && Math.max(...widths) > COLUMN_MIN) widths[widths.indexOf(Math.max(...widths))]! -= 1;
  const line = (cells: string[], painted: (cell: string, text: string) => string) =>
    cells
      .map((cell, column) => painted(cell, fill(cell, widths[column]!, style)))
      .join(GAP)
      .trimEnd();
  return [
    line(headings, (_, text) => paint(text, 'quiet', style)),
    ...rows.map((row) => line(row, (cell, text) => paint(text, toneOf(cell), style))),
  ].join('\n');
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
