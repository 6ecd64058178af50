/** Delivery status notifications (DSN) of WebEngage's provider protocol, of all four channels. */
import { parseMessageId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import type { SuppressionReason } from '#domain/suppression.ts';
import { CallbackError } from '#ports/provider.ts';
import type { Callback, Receipt } from '#ports/provider.ts';
import { REASON_LENGTH_MAX } from './http-answer.ts';
import { isObject } from './settings.ts';
import { REFUSAL_CODES } from './webengage-gateway-codes.ts';
import type { GatewayChannel } from './webengage-gateway-codes.ts';

/** Notifications in one call; the protocol knows one, gateways that collect them send lists. */
const REPORTS_MAX = 1_000;

/** Words in lower case. What the vendor calls `sent` on SMS and WhatsApp is delivered; on e-mail it is not. */
const STATUSES: Record<GatewayChannel, Record<string, ReceiptStatus>> = {
  sms: {
    sms_accepted: 'accepted',
    sms_sent: 'delivered',
    sms_delivered: 'delivered',
    sms_click: 'clicked',
    sms_clicked: 'clicked',
    sms_failed: 'undelivered',
    sms_rejected: 'undelivered',
  },
  whatsapp: {
    whatsapp_accepted: 'accepted',
    whatsapp_sent: 'delivered',
    whatsapp_delivered: 'delivered',
    whatsapp_read: 'read',
    whatsapp_click: 'clicked',
    whatsapp_clicked: 'clicked',
    whatsapp_failed: 'undelivered',
    whatsapp_rejected: 'undelivered',
  },
  rcs: {
    rcs_accepted: 'accepted',
    rcs_sent: 'sent',
    rcs_delivered: 'delivered',
    rcs_read: 'read',
    rcs_replied: 'read',
    rcs_click: 'clicked',
    rcs_clicked: 'clicked',
    rcs_failed: 'undelivered',
    rcs_rejected: 'undelivered',
  },
  email: {
    sent: 'sent',
    delivered: 'delivered',
    open: 'opened',
    click: 'clicked',
    unsubscribe: 'unsubscribed',
    // Who complains has got it.
    spam: 'delivered',
    bounce: 'undelivered',
  },
};

/** What the reports of e-mail say about an address for the future, by status code and by event. */
const SUPPRESSIONS = new Map<Json, SuppressionReason>([
  [9007, 'hard_bounce'],
  [9021, 'hard_bounce'],
  [9008, 'complaint'],
  [9009, 'unsubscribed'],
  ['spam', 'complaint'],
  ['unsubscribe', 'unsubscribed'],
]);

/** @throws {CallbackError} when it is no notification. */
export function receiptsIn({ body }: Callback, channel: GatewayChannel): Receipt[] {
  const reports = Array.isArray(body) ? body : [body];
  if (reports.length > REPORTS_MAX)
    throw new CallbackError(`it has more than ${REPORTS_MAX} notifications; send fewer`);
  return reports.flatMap((report) => receiptOf(report, channel));
}

function receiptOf(report: Json, channel: GatewayChannel): Receipt[] {
  const key = channel === 'email' ? 'event' : 'status';
  if (!isObject(report) || typeof report['messageId'] !== 'string' || typeof report[key] !== 'string')
    throw new CallbackError(`the body must be a notification: {"messageId": …, "${key}": …, "statusCode": …}`);
  const word = report[key].toLowerCase();
  const status = Object.hasOwn(STATUSES[channel], word) ? STATUSES[channel][word]! : null;
  const messageId = report['messageId'].toLowerCase();
  // Another account's message, or one of the time before Carom.
  if (status === null || !parseMessageId(messageId)) return [];
  const suppression = channel === 'email' ? suppressionIn(report, word) : undefined;
  return [
    {
      messageId,
      ref: null,
      status,
      reason: status === 'undelivered' ? reasonIn(report, channel) : null,
      ...(suppression && { suppress: { reason: suppression } }),
    },
  ];
}

function suppressionIn({ statusCode }: JsonObject, word: string): SuppressionReason | undefined {
  return SUPPRESSIONS.get(Number(statusCode)) ?? SUPPRESSIONS.get(word);
}

/** `not_delivered: 2009 absent subscriber`. */
function reasonIn({ statusCode, reason, message }: JsonObject, channel: GatewayChannel): string {
  const code = Number(statusCode ?? Number.NaN);
  const known = REFUSAL_CODES[channel].get(code)?.reason ?? (Number.isNaN(code) ? 'failed' : `gateway_${code}`);
  const text = [reason, message].find((one) => typeof one === 'string' && one !== '');
  const words = [Number.isNaN(code) ? '' : `${code}`, typeof text === 'string' ? text : ''].filter(Boolean).join(' ');
  return (words === '' ? known : `${known}: ${words}`).slice(0, REASON_LENGTH_MAX);
}
