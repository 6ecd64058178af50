/**
 * How a report finds its message: each goes out from an address of its own (VERP), `bounces+<message id>.<mac>@domain`,
 * and the same mark stands in its Message-ID and envelope id. Who sees a mark can report on that one message, and cannot
 * make another: the mac needs the provider's secret.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { parseMessageId } from '#domain/ids.ts';
import type { MessageId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';

/** Hex digits of a mac: 64 bits, enough where each guess is a mail. A local part has 64 characters at most (RFC 5321 §4.5.3.1.1). */
const MAC_LENGTH = 16;
const MARK = /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([0-9a-f]{16})(?![0-9a-z])/gi;
/** Marks in one text that are tried. */
const TRIES_MAX = 20;
/** What is left of a local part beside the mark and its `+`. */
export const MAILBOX_LENGTH_MAX = 64 - 36 - 1 - MAC_LENGTH - 1;

/** Where the reports go. */
export interface BounceMailbox {
  /** `b` or what the operator says: before the `+`. */
  localPart: string;
  /** In lower case. */
  domain: string;
}

/** Marks messages of one provider, and knows its marks again. */
export interface Marks {
  /** `<message id>.<mac>`. */
  of(messageId: MessageId): string;
  /** The message of the first mark of ours in a text; null for none. */
  find(text: string): MessageId | null;
}

/** A provider's marks; they hold for as long as its receipt address does. */
export function marksOf({ accountId, id, receiptSecret }: ProviderConfig): Marks {
  const macOf = (messageId: string) =>
    createHmac('sha256', receiptSecret)
      .update(`bounce\0${accountId}\0${id}\0${messageId}`)
      .digest('hex')
      .slice(0, MAC_LENGTH);
  return {
    of: (messageId) => `${messageId}.${macOf(messageId)}`,
    find: (text) => {
      let tries = 0;
      // Lower case: some servers write addresses in capitals.
      for (const [, named, mac] of text.matchAll(MARK)) {
        if (++tries > TRIES_MAX) return null;
        const messageId = named!.toLowerCase();
        const isOurs = timingSafeEqual(Buffer.from(macOf(messageId)), Buffer.from(mac!.toLowerCase()));
        if (isOurs && parseMessageId(messageId)) return messageId;
      }
      return null;
    },
  };
}

/** The envelope sender of a marked message. */
export function bounceAddress({ localPart, domain }: BounceMailbox, mark: string): string {
  return `${localPart}+${mark}@${domain}`;
}

/** The message whose envelope sender this is; null for none. */
export function messageOfAddress(
  address: string,
  { localPart, domain }: BounceMailbox,
  marks: Marks,
): MessageId | null {
  const lower = address.toLowerCase();
  const start = `${localPart.toLowerCase()}+`;
  const end = `@${domain}`;
  if (!lower.startsWith(start) || !lower.endsWith(end)) return null;
  const mark = lower.slice(start.length, lower.length - end.length);
  const messageId = marks.find(mark);
  return messageId !== null && mark === marks.of(messageId) ? messageId : null;
}
