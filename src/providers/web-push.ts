/** `type: web-push`: browsers, through whichever push service each has chosen (RFC 8030, 8291, 8292; docs/providers/web-push.md). */
import webPush from 'web-push';
import type { JsonObject } from '#domain/request.ts';
import type { Clock } from '#ports/clock.ts';
import type { OutgoingDevice, OutgoingMessage, Provider, ProviderType, SendOutcome } from '#ports/provider.ts';
import { sendToDevices } from './devices.ts';
import { exchange } from './http-exchange.ts';
import { originPools } from './origin-pools.ts';
import type { OriginPools } from './origin-pools.ts';
import { ownReceiptsIn } from './own-receipts.ts';
import {
  SettingsFault,
  assertKeys,
  faultOfReading,
  readDurationMs,
  readInteger,
  readNeeded,
  readWord,
} from './settings.ts';
import { webPushOutcome } from './web-push-answer.ts';
import { WEB_PUSH_PAYLOAD_MAX_BYTES, subscriptionIn, webPushPayload } from './web-push-message.ts';
import { vapid, vapidKey } from './web-push-vapid.ts';
import type { Vapid, VapidSigner } from './web-push-vapid.ts';

/** Messages under way at once, to all push services together. */
const CONCURRENCY = { min: 1, max: 1_024, default: 128 };
/** How long a call may take in all, in ms. */
const TIMEOUT = { min: 1_000, max: 120_000, default: 10_000 };
/** How long a push service keeps a message for a browser that is away, in ms: four weeks is the most that all of them do. */
const TTL = { min: 0, max: 2_419_200_000, default: 2_419_200_000 };
const KEYS = ['publicKey', 'privateKey', 'subject', 'ttl', 'urgency', 'privateNetwork', 'timeout', 'concurrency'];

interface WebPushSettings {
  signer: VapidSigner;
  ttlS: number;
  urgency: 'high' | 'normal' | 'low' | 'very-low';
  /** Endpoints may be in private networks, and without TLS. */
  allowPrivate: boolean;
  timeoutMs: number;
  concurrency: number;
}

/** The word `web-push` of the catalogue. */
export const webPushProvider: ProviderType = {
  type: 'web-push',
  channels: ['web_push'],
  reports: true,
  secrets: ['privateKey'],
  faultOf: (settings) => faultOfReading(() => readSettings(settings)),
  open({ settings: given, receipts }, { clock, connector }): Provider {
    const settings = readSettings(given);
    const tools = { settings, vapid: vapid(settings.signer), pools: originPools(clock, connector), clock };
    const underWay = new Set<Promise<SendOutcome>>();
    return {
      receiptsByRef: false,
      devicesReport: receipts === 'callback',
      concurrency: settings.concurrency,
      send: (message) => {
        const sending = send(tools, message).finally(() => underWay.delete(sending));
        underWay.add(sending);
        return sending;
      },
      parseReceipts: async ({ body }) => ownReceiptsIn(body),
      close: async () => {
        await Promise.all(underWay);
        await tools.pools.close();
      },
    };
  },
};

interface WebPushTools {
  settings: WebPushSettings;
  vapid: Vapid;
  pools: OriginPools;
  clock: Clock;
}

async function send(tools: WebPushTools, message: OutgoingMessage): Promise<SendOutcome> {
  const payload = Buffer.from(JSON.stringify(webPushPayload(message)));
  if (payload.length > WEB_PUSH_PAYLOAD_MAX_BYTES) {
    const detail = `its texts and data have ${payload.length} bytes; push services take ${WEB_PUSH_PAYLOAD_MAX_BYTES}`;
    return { kind: 'rejected', reason: 'invalid_content', detail, retryable: false };
  }
  return sendToDevices(message, null, (device) => sendToBrowser(tools, message, device, payload));
}

async function sendToBrowser(
  { settings, vapid: identity, pools, clock }: WebPushTools,
  { messageId }: OutgoingMessage,
  { address }: OutgoingDevice,
  payload: Buffer,
): Promise<SendOutcome> {
  const { ttlS, urgency, allowPrivate, timeoutMs } = settings;
  const subscription = subscriptionIn(address, allowPrivate);
  if ('fault' in subscription)
    return { kind: 'rejected', reason: 'invalid_token', detail: subscription.fault, retryable: false };
  const { origin, pathname, search } = new URL(subscription.endpoint);
  // A message that is sent again replaces the one that still waits for the browser (RFC 8030 §5.4).
  const topic = Buffer.from(messageId.replaceAll('-', ''), 'hex').toString('base64url');
  const { headers, body } = webPush.generateRequestDetails(subscription, payload, { TTL: ttlS, urgency, topic });
  const request = {
    method: 'POST' as const,
    path: `${pathname}${search}`,
    headers: {
      ...Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
      authorization: await identity.authorization(origin, clock.now()),
    },
    body,
  };
  const { pool, release } = pools.borrow(origin, allowPrivate);
  try {
    const call = await exchange(pool, request, timeoutMs, clock);
    return webPushOutcome(call, { address, origin, isTrusted: allowPrivate, clock });
  } finally {
    release();
  }
}

function readSettings(settings: JsonObject): WebPushSettings {
  assertKeys(settings, KEYS, '');
  const make = 'make a pair with "carom providers vapid"';
  const publicKey = readNeeded(settings, 'publicKey', '', `the key that pages subscribe with; ${make}`);
  const privateKey = readNeeded(settings, 'privateKey', '', `the other half of publicKey; ${make}`);
  return {
    signer: { publicKey, key: vapidKey(publicKey, privateKey), subject: readSubject(settings) },
    ttlS: Math.ceil(readDurationMs(settings, 'ttl', '', TTL) / 1_000),
    urgency: readWord(settings, 'urgency', '', ['high', 'normal', 'low', 'very-low']),
    allowPrivate: readWord(settings, 'privateNetwork', '', ['deny', 'allow']) === 'allow',
    timeoutMs: readDurationMs(settings, 'timeout', '', TIMEOUT),
    concurrency: readInteger(settings, 'concurrency', '', CONCURRENCY),
  };
}

/** RFC 8292 §2.1: whom a push service may ask. */
function readSubject(settings: JsonObject): string {
  const what = 'where push services reach you, such as mailto:push@shop.example';
  const subject = readNeeded(settings, 'subject', '', what);
  const url = URL.parse(subject);
  if (url?.protocol === 'https:' || (url?.protocol === 'mailto:' && url.pathname.includes('@'))) return subject;
  throw new SettingsFault('subject', `"${subject}" is no mailto: or https: address; give ${what}`);
}
