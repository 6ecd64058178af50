/** `type: apns`: Apple Push Notification service (docs/providers/apns.md). https://developer.apple.com/documentation/usernotifications */
import type { KeyObject } from 'node:crypto';
import type { JsonObject } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import type { Clock } from '#ports/clock.ts';
import type { OutgoingDevice, OutgoingMessage, Provider, ProviderType, SendOutcome } from '#ports/provider.ts';
import { CALL_KEYS, readCallSettings } from './call-settings.ts';
import type { CallSettings } from './call-settings.ts';
import { apnsOutcome, isTokenExpired } from './apns-answer.ts';
import { APNS_PAYLOAD_MAX_BYTES, apnsPayload } from './apns-message.ts';
import type { ApnsContent } from './apns-message.ts';
import { apnsToken } from './apns-token.ts';
import type { ApnsToken } from './apns-token.ts';
import { readPlatforms, sendToDevices } from './devices.ts';
import { ownReceiptsIn } from './own-receipts.ts';
import {
  SettingsFault,
  assertKeys,
  faultOfReading,
  readDurationMs,
  readNeeded,
  readText,
  readWord,
} from './settings.ts';
import { signingKey } from './signing-key.ts';
import { connectVendor } from './vendor-call.ts';
import type { VendorConnections } from './vendor-call.ts';

/** Calls under way at once; a hundred of them share a connection. */
const CONCURRENCY = 200;
/** How long the vendor keeps a message for a device that is away, in ms: 30 days at most, 0: it is delivered now or never. */
const TTL = { min: 0, max: 2_592_000_000, default: 0 };

const HOSTS = { production: 'https://api.push.apple.com', sandbox: 'https://api.sandbox.push.apple.com' };
/** What devices with these tokens call their system. */
const PLATFORMS = ['ios', 'ipados', 'macos', 'tvos', 'watchos', 'visionos'];
/** What Apple gives to apps, in hexadecimal; "of variable length". */
const DEVICE_TOKEN = /^[0-9a-f]{32,400}$/i;
const KEYS = ['teamId', 'keyId', 'key', 'topic', 'environment', 'pushType', 'priority', 'ttl', 'sound', 'platforms'];

interface ApnsSettings extends CallSettings {
  teamId: string;
  keyId: string;
  key: KeyObject;
  topic: string;
  content: ApnsContent;
  priority: 'high' | 'normal';
  /** Null: as long as the vendor likes. */
  ttlMs: number | null;
  platforms: readonly string[] | null;
  ca: string | null;
}

/** The word `apns` of the catalogue. */
export const apnsProvider: ProviderType = {
  type: 'apns',
  channels: ['push'],
  secrets: ['key'],
  faultOf: (settings) => faultOfReading(() => readSettings(settings)),
  open({ settings: given, receipts }, { clock }): Provider {
    const settings = readSettings(given);
    const { baseUrl, timeoutMs, concurrency, ca } = settings;
    const vendor = connectVendor(baseUrl, { connections: concurrency, timeoutMs, http2: true, ca }, clock);
    const tools = { settings, token: apnsToken(settings), vendor, clock, hasTaken: false };
    return {
      receiptsByRef: false,
      devicesReport: receipts === 'callback',
      concurrency,
      send: (message) => send(tools, message),
      parseReceipts: async ({ body }) => ownReceiptsIn(body),
      close: () => vendor.close(),
    };
  },
};

interface ApnsTools {
  settings: ApnsSettings;
  token: ApnsToken;
  vendor: VendorConnections;
  clock: Clock;
  /** A message has been taken: key, topic and environment are right. */
  hasTaken: boolean;
}

async function send(tools: ApnsTools, message: OutgoingMessage): Promise<SendOutcome> {
  const { content, platforms } = tools.settings;
  const payload = JSON.stringify(apnsPayload(message, content));
  const sizeBytes = Buffer.byteLength(payload);
  if (sizeBytes > APNS_PAYLOAD_MAX_BYTES) {
    const detail = `its payload has ${sizeBytes} bytes; Apple takes ${APNS_PAYLOAD_MAX_BYTES}`;
    return { kind: 'rejected', reason: 'invalid_content', detail, retryable: false };
  }
  return sendToDevices(message, platforms, (device) => sendToDevice(tools, message, device, payload));
}

/** A provider token that has expired (a clock stood still, say) is made anew, once. */
async function sendToDevice(
  tools: ApnsTools,
  message: OutgoingMessage,
  { address }: OutgoingDevice,
  payload: string,
): Promise<SendOutcome> {
  const { settings, token, vendor, clock } = tools;
  // Another vendor's token, most likely: it is left to its own provider.
  if (!DEVICE_TOKEN.test(address)) {
    const detail = 'it is no device token of Apple, which is in hexadecimal';
    return { kind: 'rejected', reason: 'invalid_token', detail, retryable: false, tryElsewhere: true };
  }
  for (let isFirst = true; ; isFirst = false) {
    const current = await token.get(clock.now());
    const call = await vendor.call({
      method: 'POST',
      path: `/3/device/${address.toLowerCase()}`,
      headers: headersOf(settings, message, current, clock.now()),
      body: payload,
    });
    const isStale = isFirst && isTokenExpired(call);
    if (isStale && token.renew(current, clock.now())) continue;
    const outcome = apnsOutcome(call, address, { messageId: message.messageId, isProven: tools.hasTaken, clock });
    if (outcome.kind === 'accepted') tools.hasTaken = true;
    return outcome;
  }
}

/** "Sending notification requests to APNs". A message that is sent twice replaces itself on the screen. */
function headersOf(
  { topic, content, priority, ttlMs }: ApnsSettings,
  { messageId }: OutgoingMessage,
  token: string,
  now: Instant,
): Record<string, string> {
  const expiration = ttlMs === null ? null : ttlMs === 0 ? 0 : Math.ceil((now + ttlMs) / 1_000);
  return {
    authorization: `bearer ${token}`,
    'apns-id': messageId,
    'apns-topic': topic,
    'apns-push-type': content.pushType,
    'apns-priority': priority === 'high' && content.pushType === 'alert' ? '10' : '5',
    ...(expiration !== null && { 'apns-expiration': String(expiration) }),
    'apns-collapse-id': messageId,
    'content-type': 'application/json',
  };
}

function readSettings(settings: JsonObject): ApnsSettings {
  assertKeys(settings, [...KEYS, 'ca', ...CALL_KEYS], '');
  const environment = readWord(settings, 'environment', '', ['production', 'sandbox']);
  return {
    teamId: readNeeded(settings, 'teamId', '', 'the ten characters of your team (Apple developer account, membership)'),
    keyId: readNeeded(settings, 'keyId', '', 'the ten characters of the key (its file is AuthKey_<keyId>.p8)'),
    key: signingKey(readNeeded(settings, 'key', '', 'what the .p8 file holds'), 'key', 'ec'),
    topic: readNeeded(settings, 'topic', '', "your app's bundle id, such as com.example.shop"),
    content: {
      pushType: readWord(settings, 'pushType', '', ['alert', 'background']),
      sound: readText(settings, 'sound', ''),
    },
    priority: readWord(settings, 'priority', '', ['high', 'normal']),
    ttlMs: settings['ttl'] === undefined ? null : readDurationMs(settings, 'ttl', '', TTL),
    platforms: readPlatforms(settings, PLATFORMS),
    ca: readText(settings, 'ca', ''),
    ...readHttpsCalls(settings, HOSTS[environment]),
  };
}

/** HTTP/2 is agreed on while TLS is. */
function readHttpsCalls(settings: JsonObject, baseUrl: string): CallSettings {
  const calls = readCallSettings(settings, baseUrl, CONCURRENCY);
  if (!calls.baseUrl.startsWith('https:')) throw new SettingsFault('baseUrl', 'must begin with https://');
  return calls;
}
