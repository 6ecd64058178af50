/** A JSON text in each line, and in each a recipient as the JSON API takes him. */
import type { BatchRequest, Recipient } from '#domain/batch.ts';
import type { FileRow } from '#engine/batch-upload.ts';
import { readRecipient } from '../api/batch-body.ts';
import { faultOfJson } from '../json-bodies.ts';
import { startBreathing } from '../json-in-slices.ts';

/** Characters of a line. */
const LINE_MAX = 65_536;
const TOO_LONG = `it has more than ${LINE_MAX} characters`;
const NOT_JSON = 'it is not JSON, or has a member that is named __proto__ or constructor.prototype';

/** What a line is read for. */
interface Reading {
  request: Pick<BatchRequest, 'targetKind' | 'unknownUsers'>;
  /** Throws where the text is no JSON, or has what no body may have. */
  parseJson(text: string): unknown;
}

/** The rows as they come. Blank lines are none. */
export async function* ndjsonRows(
  pieces: AsyncIterator<{ text: string }>,
  reading: Reading,
): AsyncGenerator<FileRow[]> {
  const breathe = startBreathing();
  let rows: FileRow[] = [];
  let [line, rest, isTooLong] = [0, '', false];
  const take = (text: string) => {
    line++;
    if (isTooLong || text.length > LINE_MAX) rows.push({ line, target: '', fault: TOO_LONG });
    else if (text.trim() !== '') rows.push({ line, ...rowOf(text, reading) });
    isTooLong = false;
  };
  for (;;) {
    const { value, done } = await pieces.next();
    if (done === true) break;
    const lines = (rest + value.text).split('\n');
    rest = lines.pop()!;
    for (const text of lines) {
      take(text);
      const pause = breathe();
      if (pause) await pause;
    }
    // A line that goes on and on is not kept.
    isTooLong ||= rest.length > LINE_MAX;
    if (isTooLong) rest = '';
    if (rows.length > 0) yield rows;
    rows = [];
  }
  if (rest !== '' || isTooLong) take(rest);
  if (rows.length > 0) yield rows;
}

function rowOf(
  text: string,
  { request, parseJson }: Reading,
): { recipient: Recipient } | { target: string; fault: string } {
  const fault = faultOfJson(text);
  if (fault !== null) return { target: '', fault: fault.replace('the body', 'it') };
  let entry: unknown;
  try {
    entry = parseJson(text);
  } catch {
    // What the parser says would quote the line.
    return { target: '', fault: NOT_JSON };
  }
  const read = readRecipient(entry, request);
  return 'fault' in read
    ? { target: targetOf(entry), fault: `${read.field === null ? 'it' : `its ${read.field}`} ${read.fault}` }
    : read;
}

/** As far as it can be told. */
function targetOf(entry: unknown): string {
  if (typeof entry !== 'object' || entry === null) return '';
  const { target, userId } = entry as Record<string, unknown>;
  const its = target ?? userId;
  return typeof its === 'string' || typeof its === 'number' ? String(its) : '';
}
