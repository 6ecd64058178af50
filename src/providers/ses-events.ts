/**
 * What Amazon SES reports about messages: events of a configuration set
 * (https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html), and notifications of an identity
 * (https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html), which have the same words for fewer things, and no tags.
 */
import { parseMessageId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import type { SuppressionReason } from '#domain/suppression.ts';
import type { Receipt } from '#ports/provider.ts';
import { REF_LENGTH_MAX } from './http-answer.ts';
import { faultOf, parseReply } from './mail-status.ts';
import { MESSAGE_TAG } from './ses-message.ts';

/** An event as it comes; anything may be missing. */
interface SesEvent {
  eventType?: string;
  notificationType?: string;
  mail?: { messageId?: string; tags?: Record<string, string[] | undefined> };
  bounce?: {
    bounceType?: string;
    bounceSubType?: string;
    bouncedRecipients?: { diagnosticCode?: string }[];
  };
  complaint?: { complaintSubType?: string | null; complaintFeedbackType?: string };
  subscription?: { newTopicPreferences?: { unsubscribeAll?: boolean } };
}

interface Report {
  status: ReceiptStatus;
  reason?: string;
  suppress?: SuppressionReason;
}

/** Reasons of bounces that say more than their type. */
const BOUNCE_REASONS = new Map([
  ['NoEmail', 'invalid_address'],
  ['Suppressed', 'suppressed'],
  ['OnAccountSuppressionList', 'suppressed'],
  ['UnsubscribedRecipient', 'unsubscribed'],
  ['MailboxFull', 'mailbox_full'],
  ['MessageTooLarge', 'too_large'],
  ['ContentRejected', 'invalid_content'],
  ['AttachmentRejected', 'invalid_content'],
]);

/** Feedback (RFC 5965) that speaks of the mail, or takes a complaint back, and not for the recipient. */
const NO_COMPLAINTS = ['not-spam', 'auth-failure', 'virus'];

/**
 * The receipt in an event; empty where it reports nothing we know, or a message that is not ours.
 * @param byRef whether messages without our tag are named by SES's own id.
 */
export function receiptsOfSesEvent(text: string, byRef: boolean): Receipt[] {
  const event = eventIn(text);
  const report = event && reportOf(event);
  if (!report) return [];
  const { status, reason, suppress } = report;
  const { messageId: ref, tags } = event.mail ?? {};
  const tag = tags?.[MESSAGE_TAG]?.[0];
  const messageId = typeof tag === 'string' && parseMessageId(tag) ? tag.toLowerCase() : null;
  const isNamed = byRef && typeof ref === 'string' && ref !== '' && ref.length <= REF_LENGTH_MAX;
  if (messageId === null && !isNamed) return [];
  return [
    {
      messageId,
      ref: isNamed ? ref : null,
      status,
      reason: reason ?? null,
      ...(suppress && { suppress: { reason: suppress } }),
    },
  ];
}

/** SES also writes plain sentences to a topic, once it has been set up. */
function eventIn(text: string): SesEvent | null {
  try {
    const event = JSON.parse(text) as unknown;
    return typeof event === 'object' && event !== null ? event : null;
  } catch {
    // Plain text: it is about no message.
    return null;
  }
}

function reportOf(event: SesEvent): Report | null {
  switch (event.eventType ?? event.notificationType ?? '') {
    case 'Send':
      return { status: 'accepted' };
    case 'Delivery':
      return { status: 'delivered' };
    case 'Bounce':
      return bounced(event.bounce ?? {});
    case 'Complaint':
      return complained(event.complaint ?? {});
    case 'Reject':
      // `Bad content` is the only reason that SES has: a virus.
      return { status: 'undelivered', reason: 'invalid_content' };
    case 'Rendering Failure':
      return { status: 'undelivered', reason: 'render_error' };
    case 'Open':
      return { status: 'opened' };
    case 'Click':
      return { status: 'clicked' };
    case 'Subscription':
      // From some of a contact list's topics only: that is between SES and them.
      if (event.subscription?.newTopicPreferences?.unsubscribeAll !== true) return null;
      return { status: 'unsubscribed', suppress: 'unsubscribed' };
    default:
      // `DeliveryDelay`: SES goes on trying. `AmazonSnsSubscriptionSucceeded`, and what may come: about no message.
      return null;
  }
}

/** A soft bounce is reported once SES has stopped trying, so it is final as well; but the address may work another time. */
function bounced({ bounceType, bounceSubType = '', bouncedRecipients }: NonNullable<SesEvent['bounce']>): Report {
  const reason = BOUNCE_REASONS.get(bounceSubType) ?? reasonOf(bouncedRecipients?.[0]?.diagnosticCode);
  if (bounceType !== 'Permanent') return { status: 'undelivered', reason: reason ?? 'soft_bounce' };
  const suppress = bounceSubType === 'UnsubscribedRecipient' ? 'unsubscribed' : 'hard_bounce';
  return { status: 'undelivered', reason: reason ?? 'hard_bounce', suppress };
}

/** `smtp; 550 5.1.1 user unknown`: what the recipient's server said. Null where that says no more than that it did not want it. */
function reasonOf(diagnosticCode: unknown): string | null {
  if (typeof diagnosticCode !== 'string') return null;
  const { reason } = faultOf(parseReply(diagnosticCode.replace(/^[\w-]+; ?/, '')));
  return reason === 'refused' ? null : reason;
}

/** Who complains has got the message; unless SES did not even send it, because he had complained before. */
function complained({ complaintSubType, complaintFeedbackType }: NonNullable<SesEvent['complaint']>): Report | null {
  if (complaintFeedbackType !== undefined && NO_COMPLAINTS.includes(complaintFeedbackType)) return null;
  if (complaintSubType === 'OnAccountSuppressionList')
    return { status: 'undelivered', reason: 'suppressed', suppress: 'complaint' };
  return { status: 'delivered', reason: 'complaint', suppress: 'complaint' };
}
