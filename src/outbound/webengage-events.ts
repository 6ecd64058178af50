/**
 * Events as delivery status notifications of WebEngage's provider protocol: what a WebEngage is told of messages that it gave
 * Carom as its gateway (src/http/dialects/webengage-gateway.ts). Vendor pages: self-service-platform-ssp and its kin.
 */
import type { Instant } from '#domain/time.ts';
import type { ToldEvent } from '#ports/webhook-sender.ts';

/** Whose words to speak, and about whom: written by the dialect that took the message. */
const REFERENCE = /^webengage (sms|whatsapp|rcs|email) (.+)$/;

type Channel = 'sms' | 'whatsapp' | 'rcs' | 'email';
type Meaning = 'delivered' | 'read' | 'unsubscribed' | 'failed';

/** The vendor's words. On SMS, which knows no reading, what was read was delivered. */
const WORDS: Record<Channel, Record<Meaning, string>> = {
  sms: { delivered: 'sms_sent', read: 'sms_sent', unsubscribed: 'sms_sent', failed: 'sms_failed' },
  whatsapp: {
    delivered: 'whatsapp_sent',
    read: 'whatsapp_read',
    unsubscribed: 'whatsapp_read',
    failed: 'whatsapp_failed',
  },
  rcs: { delivered: 'rcs_delivered', read: 'rcs_read', unsubscribed: 'rcs_read', failed: 'rcs_failed' },
  email: { delivered: 'DELIVERED', read: 'DELIVERED', unsubscribed: 'UNSUBSCRIBE', failed: 'BOUNCE' },
};

/** Success, its time was up, and every other failure. */
const CODES: Record<Channel, { ok: number; expired: number; failed: number }> = {
  sms: { ok: 0, expired: 2008, failed: 2009 },
  whatsapp: { ok: 0, expired: 2008, failed: 2009 },
  rcs: { ok: 0, expired: 2007, failed: 2008 },
  email: { ok: 1_000, expired: 9013, failed: 9012 },
};

/** The document. `messageId` is the transaction's `txnId`: the vendor's own id. */
export function webengageEvent({ id, type, at, transaction, message }: ToldEvent): string {
  const [, named, address] = REFERENCE.exec(transaction?.reference ?? '') ?? [];
  const channel = (named ?? 'sms') as Channel;
  const to = address ?? message?.to?.replace(/^\+/, '') ?? '';
  const messageId = transaction?.txnId ?? id;
  const state = transaction?.state ?? 'succeeded';
  const meaning = meaningOf(type, state);
  const status = WORDS[channel][meaning];
  const codes = CODES[channel];
  const statusCode = meaning !== 'failed' ? codes.ok : state === 'expired' ? codes.expired : codes.failed;
  const said = meaning === 'failed' ? state : 'Success';
  const timestamp = timestampOf(at);
  if (channel === 'email')
    return JSON.stringify({
      messageId,
      event: status,
      timestamp,
      email: to,
      statusCode,
      message: said,
      version: '1.0',
    });
  return JSON.stringify({ version: '1.0', messageId, toNumber: to, status, statusCode, reason: said, timestamp });
}

function meaningOf(type: ToldEvent['type'], state: string): Meaning {
  if (type === 'message.opened') return 'read';
  if (type === 'message.unsubscribed') return 'unsubscribed';
  return state === 'succeeded' || state === 'completed' ? 'delivered' : 'failed';
}

/** `2018-01-25T10:24:16+0000`. */
function timestampOf(at: Instant): string {
  return `${new Date(at).toISOString().slice(0, 19)}+0000`;
}
