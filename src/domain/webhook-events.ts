/** What of a transition webhooks are told: a function of the transaction before and after it. */
import type { MessageFacts } from './message.ts';
import type { Instant } from './time.ts';
import type { Message, Transaction } from './transaction.ts';
import type { WebhookEventType } from './webhook.ts';

/** One thing that happened, to the message of this index or, where null, to the transaction. */
export interface WebhookEvent {
  type: Exclude<WebhookEventType, 'batch.ended'>;
  message: number | null;
  at: Instant;
}

type MessageEventType = Exclude<WebhookEventType, 'transaction.ended' | 'batch.ended'>;

/**
 * When each thing happened to a message; undefined: it did not. Each answer stays once it is given, so that each event is told
 * once, the first time, whatever is reported again.
 */
const HAPPENED: [type: MessageEventType, at: (message: Message, now: Instant) => Instant | undefined][] = [
  ['message.sent', ({ facts }) => facts.acceptedAt],
  ['message.delivered', ({ facts }) => facts.deliveredAt ?? facts.readAt],
  ['message.failed', (message, now) => (hasFailed(message) ? now : undefined)],
  ['message.opened', ({ facts }) => openedAt(facts)],
  ['message.clicked', ({ facts }) => facts.clickedAt],
  ['message.unsubscribed', ({ facts }) => facts.unsubscribedAt],
];

/**
 * The events of a transition, in the order in which they are told: a message's in the order of {@link HAPPENED}, then the
 * transaction's end; also its late turn to `succeeded`. Hooks are no messages.
 */
export function webhookEvents(before: Transaction, after: Transaction, now: Instant): WebhookEvent[] {
  const events: WebhookEvent[] = [];
  after.messages.forEach((message, index) => {
    const earlier = before.messages[index];
    if (message.isHook) return;
    for (const [type, happened] of HAPPENED) {
      const at = happened(message, now);
      if (at === undefined || (earlier && happened(earlier, now) !== undefined)) continue;
      events.push({ type, message: index, at });
    }
  });
  if (hasNewlyEnded(before, after)) events.push({ type: 'transaction.ended', message: null, at: endedAt(after)! });
  return events;
}

/** `unknown` is no failure yet: a receipt may still come, and the transaction's end says the rest. */
function hasFailed({ state: { name } }: Message): boolean {
  return name === 'rejected' || name === 'undelivered' || name === 'unconfirmed';
}

/** A read receipt is an opening; a click or an unsubscription alone, which imply reading, is told as itself. */
function openedAt({ openedAt: opened, readAt, clickedAt, unsubscribedAt }: MessageFacts): Instant | undefined {
  if (opened !== undefined) return opened;
  return readAt === clickedAt || readAt === unsubscribedAt ? undefined : readAt;
}

function endedAt({ status }: Transaction): Instant | undefined {
  return 'endedAt' in status ? status.endedAt : undefined;
}

function hasNewlyEnded(before: Transaction, after: Transaction): boolean {
  return endedAt(after) !== undefined && after.status.name !== before.status.name;
}
