/** Texts as short messages (3GPP TS 23.038, 23.040 §9.2.3.24): which alphabet, how many parts, and where a text may be cut. */
import { unreachable } from '#domain/unreachable.ts';
import { gsm7, isGsm7 } from './smpp-pdu.ts';

/** The alphabets for texts that fit into one; others go out as UCS-2. `gsm7` has one septet in a byte. */
export const ALPHABETS = ['gsm7', 'gsm7_packed', 'latin1', 'ucs2'] as const;
/** A word of {@link ALPHABETS}. */
export type Alphabet = (typeof ALPHABETS)[number];

/** Octets of a short message over the air. */
const OCTETS_MAX = 140;
const ESCAPE = 0x1b;
const CARRIAGE_RETURN = 0x0d;

/** How a text is written. */
export interface Writing {
  alphabet: Alphabet;
  /** `data_coding` (SMPP 3.4 §5.2.19). */
  dataCoding: number;
  /** One where the whole text fits into one message. UCS-2 and Latin-1 in bytes, GSM in septets, or packed. */
  parts: Buffer[];
  /** The text without cuts. */
  whole: Buffer;
}

/**
 * Writes a text, in parts where it is too long for one.
 * @param headerOctets what a header in front of each of several parts takes.
 * @param dataCoding for texts that fit the alphabet; null: the standard's.
 */
export function writeText(text: string, wanted: Alphabet, headerOctets: number, dataCoding: number | null): Writing {
  const alphabet = fits(text, wanted) ? wanted : 'ucs2';
  const coding = alphabet === wanted && dataCoding !== null ? dataCoding : CODING[alphabet];
  const units = unitsOf(text, alphabet);
  const single = cut(units, alphabet, 0);
  const parts = single.length === 1 ? single : cut(units, alphabet, headerOctets);
  if (alphabet !== 'gsm7_packed') return { alphabet, dataCoding: coding, parts, whole: units };
  const fill = parts.length === 1 ? 0 : fillBits(headerOctets);
  return { alphabet, dataCoding: coding, parts: parts.map((part) => pack(part, fill)), whole: pack(units, 0) };
}

const CODING: Record<Alphabet, number> = { gsm7: 0, gsm7_packed: 0, latin1: 3, ucs2: 8 };

function fits(text: string, alphabet: Alphabet): boolean {
  switch (alphabet) {
    case 'gsm7':
    case 'gsm7_packed':
      return isGsm7(text);
    case 'latin1':
      return !/[^\n\r\x20-\x7e\xa0-\xff]/.test(text);
    case 'ucs2':
      return true;
    default:
      return unreachable(alphabet);
  }
}

/** The text in bytes, or in septets of a byte each. */
function unitsOf(text: string, alphabet: Alphabet): Buffer {
  switch (alphabet) {
    case 'gsm7':
    case 'gsm7_packed':
      return gsm7(text);
    case 'latin1':
      return Buffer.from(text, 'latin1');
    case 'ucs2':
      return Buffer.from(text, 'utf16le').swap16();
    default:
      return unreachable(alphabet);
  }
}

function isGsm(alphabet: Alphabet): boolean {
  return alphabet === 'gsm7' || alphabet === 'gsm7_packed';
}

/** Cuts into parts that leave room for a header, never within a character. */
function cut(units: Buffer, alphabet: Alphabet, headerOctets: number): Buffer[] {
  const octets = OCTETS_MAX - headerOctets;
  const size = isGsm(alphabet) ? Math.floor((octets * 8) / 7) : alphabet === 'ucs2' ? octets - (octets % 2) : octets;
  const parts: Buffer[] = [];
  for (let start = 0; start < units.length;) {
    let end = Math.min(start + size, units.length);
    if (end < units.length) {
      end = beforeCharacter(units, end, alphabet);
      // A packed part of that size would end in seven bits that look like one more character.
      if (alphabet === 'gsm7_packed' && spareBits(end - start, headerOctets) === 7)
        end = beforeCharacter(units, end - 1, alphabet);
    }
    parts.push(units.subarray(start, end));
    start = end;
  }
  return parts;
}

/** The same place, or the one before the character that it would cut. */
function beforeCharacter(units: Buffer, end: number, alphabet: Alphabet): number {
  if (isGsm(alphabet)) return units[end - 1] === ESCAPE ? end - 1 : end;
  // A pair of surrogates is one character.
  if (alphabet === 'ucs2') return (units[end - 2]! & 0xfc) === 0xd8 ? end - 2 : end;
  return end;
}

/** Bits between a header and the first septet, which begins at a multiple of seven. */
function fillBits(headerOctets: number): number {
  return (7 - ((headerOctets * 8) % 7)) % 7;
}

function spareBits(septets: number, headerOctets: number): number {
  return (8 - ((fillBits(headerOctets) + septets * 7) % 8)) % 8;
}

/** Septets one after the other (3GPP TS 23.038 §6.1.2.1), behind so many bits that mean nothing. */
function pack(septets: Buffer, fill: number): Buffer {
  const bits = fill + septets.length * 7;
  // Seven bits left over at the end would be an "@"; a carriage return there shows nothing.
  const padded = bits % 8 === 1 ? Buffer.concat([septets, Buffer.of(CARRIAGE_RETURN)]) : septets;
  const packed = Buffer.alloc(Math.ceil((fill + padded.length * 7) / 8));
  for (const [index, septet] of padded.entries()) {
    const bit = fill + index * 7;
    const [byte, shift] = [bit >> 3, bit & 7];
    packed[byte]! |= (septet << shift) & 0xff;
    if (shift > 1) packed[byte + 1]! |= septet >> (8 - shift);
  }
  return packed;
}
