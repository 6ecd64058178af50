/** A message as submissions (SMPP 3.4 §4.4): addresses, alphabet, and a long text in one of the ways that there are. */
import { createHash } from 'node:crypto';
import type { MessageId } from '#domain/ids.ts';
import type { OutgoingMessage, SendOutcome } from '#ports/provider.ts';
import { unreachable } from '#domain/unreachable.ts';
import type { Fields } from './smpp-pdu.ts';
import { ADDRESS_LENGTH_MAX } from './smpp-settings.ts';
import type { SubmitSettings } from './smpp-settings.ts';
import { writeText } from './smpp-text.ts';

/** `esm_class`: the text begins with a header (§5.2.12). */
const HAS_HEADER = 0x40;
/** `registered_delivery`: a receipt, whatever becomes of it (§5.2.17). */
const FINAL_RECEIPT = 1;
/** Octets of a header with a reference of 8 and of 16 bits (3GPP TS 23.040 §9.2.3.24.1, .8). */
const HEADER_OCTETS = { udh: 6, udh16: 7, payload: 6, sar: 6 };
/** Octets of a text in one piece; a PDU of ours has to hold it. */
const PAYLOAD_OCTETS_MAX = 15_000;
/** Digits of a short code, which belongs to one network. */
const SHORT_CODE_DIGITS_MAX = 8;
/** Types of number and numbering plans (§5.2.5, §5.2.6). */
const NUMBER = { international: [1, 1], shortCode: [3, 0], name: [5, 0], none: [0, 0] } as const;

/** Sixteen bits of a message's id: the same for each attempt, so that a phone puts the parts of two together as one message. */
export function referenceOf(messageId: MessageId): number {
  return createHash('sha1').update(messageId).digest().readUInt16BE(0);
}

/**
 * The fields of each submission, in their order; or why there is none. Only the last part asks for a receipt.
 * @param wantsReceipt whether receipts are wanted at all.
 */
export function submissionsOf(
  message: OutgoingMessage,
  settings: SubmitSettings,
  wantsReceipt: boolean,
): Fields[] | SendOutcome {
  const text = message.body ?? '';
  if (text === '') return refusal('invalid_content', 'the text is empty');
  const sender = message.from ?? settings.from ?? '';
  if (/[^\x20-\x7e]/.test(sender) || sender.length > ADDRESS_LENGTH_MAX)
    return refusal('invalid_sender', `a sender has at most ${ADDRESS_LENGTH_MAX} characters of ASCII`);
  const { longMessages, maxParts, alphabet, registeredDelivery } = settings;
  const { parts, whole, dataCoding } = writeText(text, alphabet, HEADER_OCTETS[longMessages], settings.dataCoding);
  if (parts.length > maxParts)
    return refusal('invalid_content', `the text takes ${parts.length} short messages; maxParts is ${maxParts}`);
  const common = { ...addresses(sender, message.to, settings), ...validity(settings), data_coding: dataCoding };
  const receipt = registeredDelivery ?? (wantsReceipt ? FINAL_RECEIPT : 0);
  const reference = referenceOf(message.messageId);
  return parts.length === 1 || longMessages === 'payload'
    ? inOne(whole, parts.length > 1, { ...common, registered_delivery: receipt })
    : parts.map((part, index) => ({
        ...common,
        ...inPart(part, longMessages, reference, [index + 1, parts.length]),
        registered_delivery: index === parts.length - 1 ? receipt : 0,
      }));
}

function inOne(text: Buffer, isLong: boolean, common: Fields): Fields[] | SendOutcome {
  if (!isLong) return [{ ...common, short_message: text }];
  if (text.length > PAYLOAD_OCTETS_MAX)
    return refusal('invalid_content', `the text has ${text.length} octets; ${PAYLOAD_OCTETS_MAX} can be sent in one`);
  return [{ ...common, message_payload: text }];
}

function inPart(
  part: Buffer,
  way: 'udh' | 'udh16' | 'sar',
  reference: number,
  [number, count]: [number: number, count: number],
): Fields {
  const [high, low] = [reference >> 8, reference & 0xff];
  switch (way) {
    case 'udh':
      return { esm_class: HAS_HEADER, short_message: Buffer.of(5, 0, 3, low, count, number, ...part) };
    case 'udh16':
      return { esm_class: HAS_HEADER, short_message: Buffer.of(6, 8, 4, high, low, count, number, ...part) };
    case 'sar':
      return {
        short_message: part,
        sar_msg_ref_num: reference,
        sar_total_segments: count,
        sar_segment_seqnum: number,
      };
    default:
      return unreachable(way);
  }
}

function addresses(sender: string, to: string, settings: SubmitSettings): Fields {
  const [sourceTon, sourceNpi] = kindOf(sender);
  const [destTon, destNpi] = NUMBER.international;
  return {
    service_type: settings.serviceType,
    source_addr_ton: settings.sourceTon ?? sourceTon,
    source_addr_npi: settings.sourceNpi ?? sourceNpi,
    source_addr: withoutPlus(sender),
    dest_addr_ton: settings.destTon ?? destTon,
    dest_addr_npi: settings.destNpi ?? destNpi,
    destination_addr: withoutPlus(to),
  };
}

function kindOf(sender: string): readonly [ton: number, npi: number] {
  if (sender === '') return NUMBER.none;
  if (/^\+\d+$/.test(sender)) return NUMBER.international;
  if (!/^\d+$/.test(sender)) return NUMBER.name;
  return sender.length <= SHORT_CODE_DIGITS_MAX ? NUMBER.shortCode : NUMBER.international;
}

/** The type of number says that it is international. */
function withoutPlus(address: string): string {
  return address.replace(/^\+(?=\d+$)/, '');
}

/** A time from now, `YYMMDDhhmmss000R` (§7.1.1). */
function validity({ validityMs }: SubmitSettings): Fields {
  if (validityMs === null) return {};
  const seconds = Math.floor(validityMs / 1_000);
  const units = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ];
  return { validity_period: `0000${units.map((unit) => String(unit).padStart(2, '0')).join('')}000R` };
}

function refusal(reason: string, detail: string): SendOutcome {
  return { kind: 'rejected', reason, detail, retryable: false };
}
