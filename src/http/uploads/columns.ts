/** What the columns of a CSV file are: who is meant, where to send, and parameters. */
import type { Recipient, TargetKind } from '#domain/batch.ts';
import { Refusal } from '../refusal.ts';

/** Columns of a file. */
const COLUMNS_MAX = 500;
/** Characters of a phone number as people write it. */
const PHONE_LENGTH_MAX = 100;

/** The columns that can name the recipient, by what the batch names them by; the first that is there does. */
const TARGET_COLUMNS: Record<TargetKind, string[]> = {
  user_id: ['target', 'userid'],
  email: ['target', 'email'],
  phone: ['target', 'phone'],
  internal_id: ['target', 'internalid'],
  internal_or_user_id: ['target', 'internalid', 'userid'],
};
/** Where the call does not say what it names them by: the first column that is there does. */
const TELLING: [column: string, kind: TargetKind][] = [
  ['target', 'user_id'],
  ['userid', 'user_id'],
  ['email', 'email'],
  ['phone', 'phone'],
  ['internalid', 'internal_id'],
];

/** How the rows of a file are read. */
export interface Columns {
  targetKind: TargetKind;
  /** A row's recipient; or what is wrong with it, and whom it is about as far as that is known. */
  read(cells: string[]): { recipient: Recipient } | { target: string; fault: string };
}

/**
 * Reads the header. Names of the columns that mean something here are known in any case, and with `_`, `-` and blanks in them.
 * @throws {Refusal} when it cannot be the header of a file of recipients.
 */
export function columnsOf(header: string[], targetBy: TargetKind | null): Columns {
  const names = header.map((name) => name.trim());
  const plain = names.map((name) => name.toLowerCase().replaceAll(/[\s_-]/g, ''));
  checkNames(names);
  const targetKind = targetBy ?? TELLING.find(([column]) => plain.includes(column))?.[1];
  const wanted = targetKind === undefined ? TELLING.map(([column]) => column) : TARGET_COLUMNS[targetKind];
  const column = wanted.find((name) => plain.includes(name));
  if (targetKind === undefined || column === undefined) throw new Refusal('invalid', missing(wanted, names));
  const [target, email, phone] = [column, 'email', 'phone'].map((name) => plain.indexOf(name));
  for (const name of [column, 'email', 'phone']) {
    if (plain.indexOf(name) !== plain.lastIndexOf(name)) throw new Refusal('invalid', twice(name));
  }
  const isParam = names.map((_, place) => place !== target && place !== email && place !== phone);
  return {
    targetKind,
    read: (cells) => {
      const its = (cells[target!] ?? '').trim();
      const fault = faultOf(cells, names, target!);
      if (fault !== null) return { target: its, fault };
      const given: [string, string][] = [];
      for (const [place, cell] of cells.entries()) if (isParam[place] && cell !== '') given.push([names[place]!, cell]);
      const [mail, number] = [email, phone].map((place) => (place === target ? '' : (cells[place!] ?? '').trim()));
      const recipient: Recipient = {
        target: its,
        ...(given.length > 0 && { params: Object.fromEntries(given) }),
        ...(mail && { email: mail }),
        ...(number && { phone: number }),
      };
      return (number ?? '').length > PHONE_LENGTH_MAX
        ? { target: its, fault: `its phone has more than ${PHONE_LENGTH_MAX} characters` }
        : { recipient };
    },
  };
}

function checkNames(names: string[]): void {
  if (names.length > COLUMNS_MAX) throw new Refusal('invalid', `the file has more than ${COLUMNS_MAX} columns`);
  const unnamed = names.indexOf('');
  if (unnamed !== -1) throw new Refusal('invalid', `column ${unnamed + 1} of the header has no name`);
  if (names.includes('__proto__')) throw new Refusal('invalid', 'no column may be named __proto__');
  const second = names.find((name, place) => names.indexOf(name) !== place);
  if (second !== undefined) throw new Refusal('invalid', twice(second));
}

/** Characters of a header that an error quotes. */
const QUOTED_MAX = 200;

function missing(wanted: string[], names: string[]): string {
  const columns = wanted.map((name) => ({ userid: 'userId', internalid: 'internalId' })[name] ?? name);
  return `the first line must name the columns, one of them ${columns.join(' or ')}; it is: ${names.join(', ').slice(0, QUOTED_MAX)}`;
}

function twice(name: string): string {
  return `the header names the column ${name.slice(0, QUOTED_MAX)} twice`;
}

function faultOf(cells: string[], names: string[], target: number): string | null {
  const { length } = cells;
  if (length !== names.length) {
    return `it has ${length === 1 ? '1 cell' : `${length} cells`}, the header has ${names.length} columns`;
  }
  if (cells[target]!.trim() === '') return `its ${names[target]!} is empty`;
  if (cells.some((cell) => cell.includes('\0'))) return 'it has the character U+0000, which cannot be stored';
  return null;
}
