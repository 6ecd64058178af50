/** Delivery status notifications (RFC 3464): what became of a message after a server had taken it. */
import type { ReceiptStatus } from '#domain/message.ts';
import type { Fields } from './bounce-report.ts';
import { faultOf, parseReply, wordsOf } from './mail-status.ts';
import type { MailFault, MailStatus } from './mail-status.ts';

/** What a notification says of the one recipient that each of our messages has. */
export interface Delivery {
  status: ReceiptStatus;
  /** Null unless it failed. */
  reason: string | null;
  /** The address exists no more. */
  isDead: boolean;
}

/**
 * RFC 3464 §2.3.3. `relayed`: on to a server that reports no deliveries. `expanded`: delivered to the address as we wrote
 * it, and forwarded to several from there. `delayed` reports nothing: the server goes on trying.
 */
const STATUS_OF: Record<string, ReceiptStatus> = {
  delivered: 'delivered',
  expanded: 'delivered',
  relayed: 'sent',
  failed: 'undelivered',
};
/** Where an address forwards to several, one that arrived is enough. */
const ORDER: ReceiptStatus[] = ['delivered', 'sent', 'undelivered'];

/** @param groups of the notification's part for machines. Null: it reports nothing. */
export function deliveryOf(groups: Fields[]): Delivery | null {
  const recipients = groups.filter((fields) => fields.has('action'));
  const said = recipients.flatMap((fields) => {
    const status = STATUS_OF[fields.get('action')!.toLowerCase().split(/[\s(]/, 1)[0]!];
    return status ? [{ status, fields }] : [];
  });
  const [first] = said.toSorted((one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status));
  if (!first) return null;
  if (first.status !== 'undelivered') return { status: first.status, reason: null, isDead: false };
  const { verdict, fault } = judge(first.fields);
  const words = wordsOf(verdict);
  return {
    status: 'undelivered',
    reason: words === '' ? fault.reason : `${fault.reason}: ${words}`,
    isDead: fault.isDead,
  };
}

/** The diagnostic code is what the last server really said; the status may be a gateway's guess. */
function judge(fields: Fields): { verdict: MailStatus; fault: MailFault } {
  const [status] = /[245]\.\d{1,3}\.\d{1,3}/.exec(fields.get('status') ?? '') ?? [];
  // `smtp; 550 5.1.1 …`: a type, then that protocol's own words; comments in parentheses belong to them.
  const diagnostic = parseReply((fields.get('diagnostic-code') ?? '').replace(/^[\w-]+\s*;\s*/, ''));
  const isVague = status === undefined || status.endsWith('.0.0');
  const verdict = { ...diagnostic, enhanced: isVague ? (diagnostic.enhanced ?? status ?? null) : status };
  const fault = faultOf(verdict);
  // A permanent failure for which nobody gives any other reason is an address that does not work (RFC 3463 §3.1: 5.0.0).
  const isPlain = fault.reason === 'refused' && verdict.enhanced === '5.0.0';
  return { verdict, fault: isPlain ? { reason: 'invalid_address', isDead: true } : fault };
}
