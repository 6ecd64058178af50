/** Mail that comes back, as receipts. What names no message of ours is no concern of ours: anybody may send mail. */
import type { MessageId } from '#domain/ids.ts';
import type { Log } from '#ports/log.ts';
import { CallbackError } from '#ports/provider.ts';
import type { Receipt } from '#ports/provider.ts';
import { complaintOf } from './bounce-arf.ts';
import { deliveryOf } from './bounce-dsn.ts';
import { readReport } from './bounce-report.ts';
import type { MailReport } from './bounce-report.ts';
import type { Marks } from './bounce-address.ts';

/**
 * The receipts in a mail; none for what reports nothing, or on a message that is not ours.
 * @param raw its beginning is enough. @param addressed the message whose address it came to, where that is known.
 * @throws {CallbackError} when it is no mail.
 */
export async function receiptsInMail(
  raw: Buffer,
  addressed: MessageId | null,
  marks: Marks,
  log: Log,
): Promise<Receipt[]> {
  const report = await readReport(raw);
  if (!report) throw new CallbackError('the body is not a mail; post it as it came, as message/rfc822');
  const messageId = addressed ?? named(report, marks);
  const receipt = messageId === null ? null : receiptOf(report, messageId);
  if (!receipt) log.info({ kind: report.kind, messageId }, 'a mail reports nothing on a message of ours; ignored');
  return receipt ? [receipt] : [];
}

function named({ traces }: MailReport, marks: Marks): MessageId | null {
  for (const trace of traces) {
    const messageId = marks.find(trace);
    if (messageId !== null) return messageId;
  }
  return null;
}

function receiptOf({ kind, groups }: MailReport, messageId: MessageId): Receipt | null {
  if (kind === 'delivery') {
    const delivery = deliveryOf(groups);
    if (!delivery) return null;
    const { status, reason, isDead } = delivery;
    return { messageId, ref: null, status, reason, ...(isDead && { suppress: { reason: 'hard_bounce' } }) };
  }
  const suppression = kind === 'feedback' ? complaintOf(groups) : null;
  // Who complains has got the message: it was delivered, and the chain must not go on to his other channels.
  return suppression && { messageId, ref: null, status: 'delivered', reason: null, suppress: { reason: suppression } };
}
