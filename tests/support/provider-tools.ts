/** What a provider may use, under a test's control: a clock that stands still, memory instead of a database. */
import { buildConnector } from 'undici';
import { messageId, transactionId } from '#domain/ids.ts';
import type { MessageId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import type { Callback, OutgoingMessage, ProviderTools, Receipt } from '#ports/provider.ts';
import { createTwigTemplates } from '#templates/twig.ts';

/** Tools, and the handles of a test. */
export interface TestTools extends ProviderTools {
  /** Moves the clock on and rings what falls due. */
  pass(durationMs: number): void;
  /** Receipts asked for. */
  /** Receipts that came by another way than a callback. */
  received: Receipt[];
  scheduled: { accountId: string; providerId: string; messageId: MessageId; status: string; delayMs: number }[];
  /** Warnings logged. */
  warnings: object[];
}

/** 2026-05-21T10:00:00Z, where the tests' clock starts. */
export const START: Instant = Date.UTC(2026, 4, 21, 10);

/** Fresh tools. */
export function testTools(): TestTools {
  let now = START;
  const timers = new Set<{ instant: Instant; callback: () => void }>();
  const scheduled: TestTools['scheduled'] = [];
  const warnings: object[] = [];
  const received: Receipt[] = [];
  return {
    received,
    publicUrl: 'https://carom.example',
    connector: () => buildConnector({ allowH2: false }),
    receive: async (receipts) => void received.push(...receipts),
    scheduled,
    warnings,
    templates: createTwigTemplates(),
    clock: {
      now: () => now,
      at(instant, callback) {
        const timer = { instant, callback };
        timers.add(timer);
        return () => timers.delete(timer);
      },
    },
    log: {
      debug: () => undefined,
      info: () => undefined,
      warn: (fields) => warnings.push(fields),
      error: (fields) => warnings.push(fields),
    },
    schedule: {
      async schedule(accountId, providerId, id, status, delayMs) {
        scheduled.push({ accountId, providerId, messageId: id, status, delayMs });
      },
    },
    pass(durationMs) {
      now += durationMs;
      for (const timer of timers) if (timer.instant <= now && timers.delete(timer)) timer.callback();
    },
  };
}

/** A configuration with these settings. */
export function providerConfig(type: string, settings: JsonObject): ProviderConfig {
  return {
    accountId: 'demo',
    id: `${type}-1`,
    channel: 'sms',
    type,
    receipts: 'callback',
    receiptSecret: 's3cret',
    settings,
  };
}

/** A callback with this body, as JSON unless it is bytes. */
export function callbackWith(
  body: Json | Buffer,
  { query = {}, headers = {}, url = 'https://carom.example/v1/receipts/p/s' }: Partial<Callback> = {},
): Callback {
  const raw = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  return { method: 'POST', url, query, headers, body: Buffer.isBuffer(body) ? body.toString() : body, raw };
}

let made = 0;

/** A message id no other test has. */
export function freshMessageId(): MessageId {
  const entropy = Buffer.alloc(6);
  entropy.writeUInt32BE(++made);
  return messageId(transactionId(START, entropy, 7), 1);
}

/** An SMS, with something else where the test says so. */
export function outgoing(changes: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const id = changes.messageId ?? freshMessageId();
  return {
    messageId: id,
    channel: 'sms',
    to: '+919999999999',
    devices: null,
    from: 'CAROM',
    body: 'Hi Ana',
    html: null,
    subject: null,
    replyTo: null,
    title: null,
    image: null,
    url: null,
    data: null,
    template: null,
    attachments: null,
    unsubscribeUrl: null,
    headers: null,
    txnId: 'order-7',
    campaignId: '~order-sms',
    userId: 'ana',
    receiptUrl: `http://127.0.0.1:8080/v1/receipts/http-1/s3cret?message=${id}`,
    report: null,
    ...changes,
  };
}
