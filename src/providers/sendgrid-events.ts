/** What SendGrid reports about messages (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event). */
import { parseMessageId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import type { SuppressionReason } from '#domain/suppression.ts';
import { CallbackError } from '#ports/provider.ts';
import type { Receipt } from '#ports/provider.ts';
import { faultOf, parseReply } from './mail-status.ts';
import { MESSAGE_ARGUMENT } from './sendgrid-message.ts';
import { isObject } from './settings.ts';

/** Events in one callback. SendGrid sends up to 768 kB at once, and the shortest event has some 200 bytes. */
const EVENTS_MAX = 5_000;

interface Report {
  status: ReceiptStatus;
  reason?: string;
  suppress?: SuppressionReason;
}

/** Why SendGrid did not even try, by its lists. Other reasons (`Spam Content`, `Invalid SMTPAPI header`) speak of the message. */
const DROPS = new Map<string, Report>([
  ['Bounced Address', { status: 'undelivered', reason: 'suppressed', suppress: 'hard_bounce' }],
  ['Invalid', { status: 'undelivered', reason: 'invalid_address', suppress: 'hard_bounce' }],
  ['Spam Reporting Address', { status: 'undelivered', reason: 'suppressed', suppress: 'complaint' }],
  ['Unsubscribed Address', { status: 'undelivered', reason: 'suppressed', suppress: 'unsubscribed' }],
  ['Recipient List over Package Quota', { status: 'undelivered', reason: 'no_credit' }],
  ['Spam Content', { status: 'undelivered', reason: 'invalid_content' }],
]);

/** The receipts in a callback. Events of messages that are not ours are passed over: SendGrid reports on its whole account. */
export function receiptsOfEvents(body: Json): Receipt[] {
  if (!Array.isArray(body)) throw new CallbackError('the body must be a list of events, in JSON');
  if (body.length > EVENTS_MAX) throw new CallbackError(`it has more than ${EVENTS_MAX} events; send fewer at a time`);
  const receipts: Receipt[] = [];
  for (const event of body) {
    if (!isObject(event)) throw new CallbackError('an event must be a map of keys and values');
    const id = event[MESSAGE_ARGUMENT];
    if (typeof id !== 'string' || !parseMessageId(id)) continue;
    const report = reportOf(event);
    if (!report) continue;
    const { status, reason = null, suppress } = report;
    receipts.push({
      messageId: id.toLowerCase(),
      ref: null,
      status,
      reason,
      ...(suppress && { suppress: { reason: suppress } }),
    });
  }
  return receipts;
}

function reportOf(event: JsonObject): Report | null {
  switch (textOf(event.event)) {
    case 'processed':
      return { status: 'accepted' };
    case 'delivered':
      return { status: 'delivered' };
    case 'bounce':
      return bounced(event);
    case 'dropped':
      return DROPS.get(textOf(event.reason)) ?? { status: 'undelivered', reason: 'refused' };
    case 'open':
      // Apple's proxy fetches the pictures of every message, opened or not.
      return event.sg_machine_open === true ? null : { status: 'opened' };
    case 'click':
      return { status: 'clicked' };
    case 'spamreport':
      // Who complains has got the message.
      return { status: 'delivered', reason: 'complaint', suppress: 'complaint' };
    case 'unsubscribe':
    case 'group_unsubscribe':
      // We name no groups: whoever leaves one by a link of SendGrid's does not want our messages.
      return { status: 'unsubscribed', suppress: 'unsubscribed' };
    default:
      // `deferred`: SendGrid goes on trying, for 72 hours. `group_resubscribe`, and what may come: nothing that we would act on.
      return null;
  }
}

/**
 * `type: bounce` says that the address does not work, and SendGrid will not try it again; `blocked` that its server did not
 * want this message, or not now, and that SendGrid has given this one up.
 */
function bounced({ type, reason, status }: JsonObject): Report {
  const reply = parseReply(textOf(reason));
  const fault = faultOf({ ...reply, enhanced: reply.enhanced ?? (textOf(status) || null) });
  const isHard = type === 'bounce';
  const word = fault.reason === 'refused' ? (isHard ? 'hard_bounce' : 'soft_bounce') : fault.reason;
  return { status: 'undelivered', reason: word, ...(isHard && { suppress: 'hard_bounce' }) };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
