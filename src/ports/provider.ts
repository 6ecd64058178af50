/** What the engine needs from a vendor, whatever its protocol. Every implementation runs `tests/conformance/provider.ts`. */
import type { Channel } from '#domain/campaign.ts';
import type { AccountId, CampaignId, MessageId, ProviderId, UserId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import type { SuppressionReason } from '#domain/suppression.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import type { Clock } from './clock.ts';
import type { Connector } from './connector.ts';
import type { Log } from './log.ts';
import type { MailIn } from './mail-in.ts';
import type { Templates } from './templates.ts';

/** A file of a message. */
export interface OutgoingFile {
  name: string;
  /** Its media type. */
  type: string;
  sizeBytes: number;
  /** What is in it; waits while the store is away. @throws {FileMissingError} when it is gone: the message is then refused. */
  content(): Promise<Buffer>;
}

/** A device of the user. */
export interface OutgoingDevice {
  /** A token, or a browser's subscription as JSON. */
  address: string;
  /** What its owner's program called it (`ios`, `android`), in lower case; null: nobody knows. */
  platform: string | null;
}

/** One rendered content for one address, ready to be handed over. */
export interface OutgoingMessage {
  /** Ours; the idempotency key, the same for every attempt. */
  messageId: MessageId;
  channel: Channel;
  /** E.164 for phone channels, an address for e-mail, a device token for push. */
  to: string;
  /** All devices of the user on a push channel, `to` the first; null on other channels. Reaching one of them is enough. */
  devices: OutgoingDevice[] | null;
  from: string | null;
  body: string | null;
  html: string | null;
  subject: string | null;
  replyTo: string | null;
  title: string | null;
  image: string | null;
  url: string | null;
  data: Record<string, string> | null;
  template: { name: string; language: string | null; variables: string[] } | null;
  /** Files of an e-mail; null: none. */
  attachments: OutgoingFile[] | null;
  /** Where the user unsubscribes; null where that is not offered. */
  unsubscribeUrl: string | null;
  /** Headers that an e-mail must carry (RFC 8058); null: none. */
  headers: Record<string, string> | null;
  txnId: string;
  campaignId: CampaignId;
  userId: UserId;
  /** Where the vendor reports this very message. */
  receiptUrl: string;
  /**
   * Where the user's own device reports this very message, by `POST <url>/delivered`, `/opened` and, with `clicks`, `/clicked`:
   * it gives away nothing but the message. Null where the provider does not pass it on ({@link Provider.devicesReport}).
   */
  report: { url: string; clicks: boolean } | null;
}

/** What came of one handover. The outside world's outcomes are data: `send` does not throw for them. */
export type SendOutcome =
  | { kind: 'accepted'; ref: string | null; gone?: string[] }
  /**
   * Certainly not taken. `retryable`: connection not made, 5xx. `reason` is a short word (`invalid_number`), `detail` the
   * vendor's own text. `tryElsewhere`: the fault is this provider's (credentials, credit, connection), so that another one
   * may take the message; when absent, as `retryable`. `gone`: addresses that exist no more, to be taken from the profile.
   */
  | {
      kind: 'rejected';
      reason: string;
      detail: string | null;
      retryable: boolean;
      tryElsewhere?: boolean;
      gone?: string[];
    }
  | { kind: 'throttled'; retryAfterMs: number }
  /** Handed over, but the answer was lost (timeout, connection broken mid-call). */
  | { kind: 'unknown'; reason: string };

/** One report about one message: named by our id, or by the provider's reference. */
export interface Receipt {
  messageId: MessageId | null;
  ref: string | null;
  status: ReceiptStatus;
  reason: string | null;
  /** The address must not be written to any more: the message's, unless the report names another. */
  suppress?: { reason: SuppressionReason; address?: string };
}

/** An incoming callback, as it came. */
export interface Callback {
  method: string;
  /** The whole address that was called, below Carom's public one, with its query: some vendors sign it. */
  url: string;
  query: Record<string, string>;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Parsed JSON or form fields, else the raw text. */
  body: Json;
  /** The body's bytes: signatures are over these. */
  raw: Buffer;
}

/** What a vendor wants to hear when it asks whether an address is ours. */
export interface CallbackAnswer {
  contentType: string;
  body: string;
}

/** A provider in use. Made once per configuration, closed when that changes. */
export interface Provider {
  /** Hands one message over. Bounded in time by the provider's own timeout. Never throws for what a vendor does. */
  send(message: OutgoingMessage): Promise<SendOutcome>;
  /** The receipts in a callback; empty for one that reports nothing we know. Throws {@link CallbackError} or {@link ForgedCallbackError}. */
  parseReceipts(callback: Callback): Promise<Receipt[]>;
  /**
   * Answers a callback that asks whether this address is ours, where the vendor asks that; null: it is an ordinary one.
   * Throws as {@link Provider.parseReceipts} does.
   */
  answerChallenge?(callback: Callback): Promise<CallbackAnswer | null>;
  /** True when its receipts name messages by the provider's reference, which then has to be kept findable. */
  receiptsByRef: boolean;
  /** True when it passes `report` on to the devices. */
  devicesReport?: boolean;
  /** Calls that one node may have under way at once. */
  concurrency: number;
  /** Ends its connections once the sends under way are answered. */
  close(): Promise<void>;
}

/** A callback that cannot be understood; answered 400. */
export class CallbackError extends Error {
  override name = 'CallbackError';
}

/** A callback whose signature is not the vendor's, or too old; answered 403. */
export class ForgedCallbackError extends Error {
  override name = 'ForgedCallbackError';
}

/** A callback that cannot be judged now, because the vendor itself would have to be asked; answered 503: it comes again. */
export class CallbackDeferredError extends Error {
  override name = 'CallbackDeferredError';
}

/** Receipts that fall due later. The sandbox vendor's own memory: durable, so that its promises outlive a crash. */
export interface ReceiptSchedule {
  /** Resolves when stored. */
  schedule(
    accountId: AccountId,
    providerId: ProviderId,
    messageId: MessageId,
    status: ReceiptStatus,
    delayMs: number,
  ): Promise<void>;
}

/** What an implementation may use. */
export interface ProviderTools {
  templates: Templates;
  clock: Clock;
  log: Log;
  schedule: ReceiptSchedule;
  /** Takes receipts that come by another way than a callback; resolves when they are durable. Throws as a callback's taking does. */
  receive(receipts: Receipt[]): Promise<void>;
  /** Carom's address as vendors see it, without a trailing slash. */
  publicUrl: string;
  /** Where addresses for incoming mail are offered; absent where none comes in. */
  mailIn?: MailIn;
  /** Makes connections to addresses that users have given us: unless `allowPrivate`, none into private networks. */
  connector(allowPrivate: boolean): Connector;
}

/** One word of the catalogue: checks settings and makes providers of this type. */
export interface ProviderType {
  type: string;
  /** The channels it can serve; absent: any. */
  channels?: readonly Channel[];
  /** The first fault in the settings, as a path below the provider and a remedy; null when `open` will succeed. */
  faultOf(settings: JsonObject, templates: Templates): { path: string; message: string } | null;
  open(config: ProviderConfig, tools: ProviderTools): Provider;
  /** Dotted paths of settings that hold credentials (`*` for any key): never shown again. */
  secrets: readonly string[];
  /** True when it reports without being told how: `receipts` is then `callback` where a manifest does not say it. */
  reports?: boolean;
  /** True when it must be open for receipts to come in (a bind): each node then opens it as soon as it is configured. */
  staysOpen?: boolean;
}
