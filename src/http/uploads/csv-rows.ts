/**
 * CSV as spreadsheets and databases write it (RFC 4180): a header, then a row for each recipient; commas, semicolons or tabs,
 * whichever the header has most of; line breaks of any kind.
 */
import { parse } from 'csv-parse';
import type { CsvError, Parser } from 'csv-parse';
import type { TargetKind } from '#domain/batch.ts';
import type { FileRow } from '#engine/batch-upload.ts';
import { Refusal } from '../refusal.ts';
import { columnsOf } from './columns.ts';
import type { Columns } from './columns.ts';

/** Bytes of a row, and of the header. */
const ROW_MAX_BYTES = 65_536;
/** Misplaced quotes of a row, and rows that have any: what has more is no CSV. */
const QUOTE_FAULTS_MAX = 20;
const QUOTE_FAULT_ROWS_MAX = 10_000;
const DELIMITERS = [',', ';', '\t'];

/** A file whose header has been read. */
export interface CsvFile {
  targetKind: TargetKind;
  rows(): AsyncGenerator<FileRow[]>;
}

/** Reads as far as the header. @throws {Refusal} when that says nothing about recipients; `rows` when the file is no CSV. */
export async function openCsv(pieces: AsyncIterator<{ bytes: Buffer }>, targetBy: TargetKind | null): Promise<CsvFile> {
  const reading = new Reading(targetBy);
  let isAtEnd = false;
  while (reading.columns === null && !isAtEnd) isAtEnd = await reading.step(pieces);
  if (reading.columns === null) throw new Refusal('invalid', 'the file is empty: its first line must name the columns');
  return {
    targetKind: reading.columns.targetKind,
    rows: async function* () {
      for (;;) {
        const rows = reading.takeRows();
        if (rows.length > 0) yield rows;
        if (isAtEnd) return;
        isAtEnd = await reading.step(pieces);
      }
    },
  };
}

/** The parser, and what it has said. */
class Reading {
  columns: Columns | null = null;
  readonly #targetBy: TargetKind | null;
  /** What came before the first line break. */
  #start: Buffer | null = Buffer.alloc(0);
  #parser: Parser | null = null;
  #rows: FileRow[] = [];
  /** The line that the last row that could be read ends on, as the parser counts them, and lines that it has counted twice. */
  #lines = 0;
  #twice = 0;
  #quotes = { rows: 0, ofRow: 0, rowBytes: -1 };

  constructor(targetBy: TargetKind | null) {
    this.#targetBy = targetBy;
  }

  takeRows(): FileRow[] {
    return this.#rows.splice(0);
  }

  /** Reads one piece more; true at the end. */
  async step(pieces: AsyncIterator<{ bytes: Buffer }>): Promise<boolean> {
    const { value, done } = await pieces.next();
    const bytes = done === true ? null : value.bytes;
    if (this.#start === null) {
      await feed(this.#parser!, bytes);
      return bytes === null;
    }
    this.#start = Buffer.concat([this.#start, bytes ?? Buffer.alloc(0)]);
    if (bytes !== null && this.#start.length < ROW_MAX_BYTES && !/[\r\n]/.test(this.#start.toString('latin1')))
      return false;
    this.#parser = this.#open(delimiterOf(this.#start));
    const start = this.#start;
    this.#start = null;
    if (start.length > 0) await feed(this.#parser, start);
    if (bytes === null) await feed(this.#parser, null);
    return bytes === null;
  }

  #open(delimiter: string): Parser {
    const parser = parse({
      bom: true,
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: ROW_MAX_BYTES,
      // Bad quotes come to on_skip, in their place among the rows; what it throws ends the parsing.
      skip_records_with_error: true,
      on_record: (cells: string[], { lines }) => this.#record(cells, lines),
      on_skip: (error) => {
        this.#skip(error!);
        return undefined;
      },
    });
    // Whoever feeds it is told; an 'error' event that nobody listens to, also one that comes later, would end the process.
    return parser.on('error', () => undefined);
  }

  #record(cells: string[], lines: number): null {
    // In a quoted cell a line break of two characters is two to the parser.
    if (lines > this.#lines + 1) this.#twice += cells.join().split('\r\n').length - 1;
    this.#lines = lines;
    const line = lines - this.#twice;
    if (cells.length === 1 && cells[0]!.trim() === '') return null;
    if (this.columns === null) this.columns = columnsOf(cells, this.#targetBy);
    else this.#rows.push({ line, ...this.columns.read(cells) });
    return null;
  }

  /** Said for each misplaced quote. `bytes` is where the row before ended: the same for all of one row. */
  #skip(error: CsvError): void {
    const { code, lines, bytes } = error as CsvError & { lines: number; bytes: number };
    const line = lines - this.#twice;
    const fault = FAULTS[code];
    if (fault === undefined || this.columns === null)
      throw new Refusal('invalid', wholeFault(code, line, this.#lines - this.#twice));
    const quotes = this.#quotes;
    if (quotes.rowBytes !== bytes) {
      Object.assign(quotes, { rows: quotes.rows + 1, ofRow: 0, rowBytes: bytes });
      this.#rows.push({ line, target: '', fault });
    }
    if (++quotes.ofRow > QUOTE_FAULTS_MAX || quotes.rows > QUOTE_FAULT_ROWS_MAX) {
      throw new Refusal('invalid', `line ${line} has quotes where there should be none; is the file CSV?`);
    }
  }
}

/** What a row is refused for; all else that the parser finds makes the file unreadable from there on. */
const FAULTS: Record<string, string> = {
  INVALID_OPENING_QUOTE: 'a quote stands within a cell: put the cell in quotes, and double those in it',
  CSV_INVALID_CLOSING_QUOTE:
    'a quote stands within a quoted cell: double it. What follows up to the next closing quote was read as part of the cell',
};

function wholeFault(code: string, line: number, lastLine: number): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return `the row after line ${lastLine} opens a quote that is never closed`;
  if (code === 'CSV_MAX_RECORD_SIZE') {
    return `the row after line ${lastLine} has more than ${ROW_MAX_BYTES} bytes: is there a quote that is never closed?`;
  }
  return `line ${line} cannot be read as CSV: put cells with quotes in quotes, and double those in them`;
}

/** Hands the parser a piece, or, null, the end. */
function feed(parser: Parser, bytes: Buffer | null): Promise<void> {
  return new Promise((resolve, reject) => {
    parser.once('error', reject);
    const done = (error?: Error | null) => {
      parser.off('error', reject);
      if (error) reject(error);
      else resolve();
    };
    if (bytes !== null) return void parser.write(bytes, done);
    parser.once('end', done);
    parser.resume();
    parser.end();
  });
}

/** Quoted parts do not count. */
function delimiterOf(start: Buffer): string {
  const [line] = start
    .toString()
    .replaceAll(/"[^"]*"/g, '')
    .split(/[\r\n]/, 1);
  const counted = DELIMITERS.map((delimiter) => line!.split(delimiter).length);
  return DELIMITERS[counted.indexOf(Math.max(...counted))]!;
}
