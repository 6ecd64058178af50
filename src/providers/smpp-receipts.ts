/** What a peer delivers to us (SMPP 3.4 §4.6, §5.2.12, Appendix B): receipts, as text or as optional fields; and other things. */
import type { Receipt } from '#ports/provider.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import { refOfAnswer, refOfReport } from './smpp-ids.ts';
import type { IdForms } from './smpp-ids.ts';
import { bytesOf, numberOf, textOf } from './smpp-pdu.ts';
import type { Pdu } from './smpp-pdu.ts';

/** What came. `foreign`: a receipt that says nothing we could use. `message`: from a phone, not about a message of ours. */
export type Delivered =
  | { kind: 'receipt'; receipt: Receipt }
  | { kind: 'foreign'; state: string }
  | { kind: 'message' };

/** Message type in `esm_class` (§5.2.12). */
const TYPE_BITS = 0x3c;
const RECEIPT_TYPES = new Set([0x04, 0x20]);
const UCS2 = 8;
/** Bytes of a text that are read: a receipt has some 130. */
const TEXT_BYTES_MAX = 1_024;
/** Of a code for the reason; the rest says nothing more. */
const CODE_LENGTH_MAX = 32;
/** Characters of an id; the specification has 64 (§5.2.23). */
const ID_LENGTH_MAX = 255;

/** Ours for the states of Appendix B, by the seven letters of a text and by the number of `message_state` (§5.2.28). */
const STATES: { letters: string; number: number; status: ReceiptStatus; reason: string | null }[] = [
  { letters: 'SCHEDUL', number: 0, status: 'accepted', reason: null },
  { letters: 'ENROUTE', number: 1, status: 'sent', reason: null },
  { letters: 'DELIVRD', number: 2, status: 'delivered', reason: null },
  { letters: 'EXPIRED', number: 3, status: 'undelivered', reason: 'expired' },
  { letters: 'DELETED', number: 4, status: 'undelivered', reason: 'deleted' },
  { letters: 'UNDELIV', number: 5, status: 'undelivered', reason: 'undeliverable' },
  { letters: 'ACCEPTD', number: 6, status: 'sent', reason: null },
  { letters: 'UNKNOWN', number: 7, status: 'undelivered', reason: 'unknown_state' },
  { letters: 'REJECTD', number: 8, status: 'undelivered', reason: 'rejected' },
  { letters: 'SKIPPED', number: 9, status: 'undelivered', reason: 'skipped' },
];

/** Written in full by some, whose first seven letters are others. */
const IN_FULL: Record<string, string> = { DELIVER: 'DELIVRD', ACCEPTE: 'ACCEPTD', REJECTE: 'REJECTD' };

/**
 * Reads what was delivered.
 * @param unmarked whether a text counts as a receipt that nothing but its look marks as one: anybody with a phone can write that.
 */
export function readDelivered(pdu: Pdu, ids: IdForms, unmarked: boolean): Delivered {
  const text = textIn(pdu);
  const tlvId = textOf(pdu, 'receipted_message_id');
  const isMarked = RECEIPT_TYPES.has((numberOf(pdu, 'esm_class') ?? 0) & TYPE_BITS) || tlvId !== '';
  if (!isMarked && !(unmarked && /\bid\s*:/i.test(text) && /\bstat\s*:/i.test(text))) return { kind: 'message' };
  const said = fieldsIn(text);
  const number = numberOf(pdu, 'message_state');
  const word = (said['stat'] ?? '').toUpperCase();
  const letters = IN_FULL[word.slice(0, 7)] ?? word.slice(0, 7);
  const state = STATES.find((one) => one.letters === letters) ?? STATES.find((one) => one.number === number);
  const ref = refIn(said['id'] ?? '', tlvId, ids);
  if (!state || ref === null || ref.length > ID_LENGTH_MAX)
    return { kind: 'foreign', state: (word || String(number)).slice(0, CODE_LENGTH_MAX) };
  const { status, reason } = state;
  const receipt = { messageId: null, ref, status, reason: reason && withCode(reason, pdu, said['err'] ?? '') };
  return { kind: 'receipt', receipt };
}

/** The optional field is the id of the answer (§5.3.2.12); a text may write it otherwise. Where they are alike, the field is the surer one. */
function refIn(textId: string, tlvId: string, ids: IdForms): string | null {
  const fromField = refOfAnswer(tlvId, ids);
  const fromText = refOfReport(textId, ids);
  return ids === 'same' ? (fromField ?? fromText) : (fromText ?? fromField);
}

/** Receipts are ASCII, whatever alphabet they claim: an underscore in an id must stay one. Only two bytes a character are another thing. */
function textIn(pdu: Pdu): string {
  const short = bytesOf(pdu, 'short_message');
  const bytes = (short.length > 0 ? short : bytesOf(pdu, 'message_payload')).subarray(0, TEXT_BYTES_MAX);
  if (((numberOf(pdu, 'data_coding') ?? 0) & 0x0f) !== UCS2) return bytes.toString('latin1');
  return Buffer.from(bytes.subarray(0, bytes.length & ~1))
    .swap16()
    .toString('utf16le');
}

/**
 * The first words of `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`, up to the text, which is the
 * message's own. Spaces, case and separators differ from peer to peer.
 */
function fieldsIn(text: string): Record<string, string> {
  const fields: Record<string, string> = {};
  const names = [...text.matchAll(/\b(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text)\s*:/gi)];
  for (const [index, found] of names.entries()) {
    const name = found[1]!.toLowerCase();
    if (name === 'text') break;
    const value = text.slice(found.index + found[0].length, names[index + 1]?.index);
    fields[name] ??= /[^\s,;|]+/.exec(value)?.[0] ?? '';
  }
  return fields;
}

/** The reason with the network's code, from the optional field (§5.3.2.31) or the text: `undeliverable: error 27`. */
function withCode(reason: string, pdu: Pdu, err: string): string {
  const bytes = bytesOf(pdu, 'network_error_code');
  const code = bytes.length === 3 ? String(bytes.readUInt16BE(1)) : err.slice(0, CODE_LENGTH_MAX);
  return /^0*$/.test(code) ? reason : `${reason}: error ${code}`;
}
