/** `type: fcm`: Firebase Cloud Messaging, HTTP v1 (docs/providers/fcm.md). https://firebase.google.com/docs/cloud-messaging */
import type { JsonObject } from '#domain/request.ts';
import type { Clock } from '#ports/clock.ts';
import type { OutgoingDevice, OutgoingMessage, Provider, ProviderType, SendOutcome } from '#ports/provider.ts';
import { CALL_KEYS, readCallSettings } from './call-settings.ts';
import type { CallSettings } from './call-settings.ts';
import { readPlatforms, sendToDevices } from './devices.ts';
import { fcmOutcome, isTokenRefused } from './fcm-answer.ts';
import { FCM_PAYLOAD_MAX_BYTES, fcmMessage, payloadBytes } from './fcm-message.ts';
import type { FcmContent } from './fcm-message.ts';
import { accessTokens } from './fcm-token.ts';
import type { AccessTokens, ServiceAccount } from './fcm-token.ts';
import { ownReceiptsIn } from './own-receipts.ts';
import {
  SettingsFault,
  assertKeys,
  faultOfReading,
  isObject,
  readBaseUrl,
  readDurationMs,
  readNeeded,
  readText,
  readWord,
} from './settings.ts';
import { signingKey } from './signing-key.ts';
import { connectVendor } from './vendor-call.ts';
import type { VendorConnections } from './vendor-call.ts';

/** How long the vendor keeps a message for a device that is away, in ms: at most four weeks; 0: it is delivered now or never. */
const TTL = { min: 0, max: 2_419_200_000, default: 0 };

const BASE_URL = 'https://fcm.googleapis.com';
/** Apple's tokens are in hexadecimal: FCM knows none of them, and has tokens of its own for Apple's devices. */
const APPLES_TOKEN = /^[0-9a-f]{64,}$/i;
const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const KEYS = ['serviceAccount', 'projectId', 'content', 'priority', 'ttl', 'androidChannel', 'sound', 'platforms'];

interface FcmSettings extends CallSettings {
  account: ServiceAccount;
  projectId: string;
  content: FcmContent;
  platforms: readonly string[] | null;
}

/** The word `fcm` of the catalogue. */
export const fcmProvider: ProviderType = {
  type: 'fcm',
  channels: ['push', 'web_push'],
  secrets: ['serviceAccount'],
  faultOf: (settings) => faultOfReading(() => readSettings(settings)),
  open({ settings: given, receipts }, { clock }): Provider {
    const settings = readSettings(given);
    const { account, baseUrl, timeoutMs, concurrency } = settings;
    const tools = {
      settings,
      tokens: accessTokens(account, timeoutMs, clock),
      vendor: connectVendor(baseUrl, { connections: concurrency, timeoutMs }, clock),
      clock,
    };
    return {
      receiptsByRef: false,
      devicesReport: receipts === 'callback',
      concurrency,
      send: (message) => send(tools, message),
      parseReceipts: async ({ body }) => ownReceiptsIn(body),
      close: async () => void (await Promise.all([tools.vendor.close(), tools.tokens.close()])),
    };
  },
};

interface FcmTools {
  settings: FcmSettings;
  tokens: AccessTokens;
  vendor: VendorConnections;
  clock: Clock;
}

async function send(tools: FcmTools, message: OutgoingMessage): Promise<SendOutcome> {
  const { content, platforms } = tools.settings;
  const sizeBytes = payloadBytes(fcmMessage(message, content, ''));
  if (sizeBytes > FCM_PAYLOAD_MAX_BYTES) {
    const detail = `its texts and data have ${sizeBytes} bytes; FCM takes ${FCM_PAYLOAD_MAX_BYTES}`;
    return { kind: 'rejected', reason: 'invalid_content', detail, retryable: false };
  }
  return sendToDevices(message, platforms, (device) => sendToDevice(tools, message, device));
}

/** A token that is refused (it was revoked, or a clock is wrong) is asked for anew, once. */
async function sendToDevice(tools: FcmTools, message: OutgoingMessage, device: OutgoingDevice): Promise<SendOutcome> {
  const { settings, tokens, vendor, clock } = tools;
  const { projectId, content } = settings;
  if (APPLES_TOKEN.test(device.address)) {
    const detail = "it is a device token of Apple, not one of FCM's";
    return { kind: 'rejected', reason: 'invalid_token', detail, retryable: false, tryElsewhere: true };
  }
  const body = JSON.stringify({ message: fcmMessage(message, content, device.address) });
  for (let isFirst = true; ; isFirst = false) {
    const token = await tokens.get();
    if (typeof token !== 'string') return token;
    const call = await vendor.call({
      method: 'POST',
      path: `/v1/projects/${encodeURIComponent(projectId)}/messages:send`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'user-agent': 'carom' },
      body,
    });
    if (!isFirst || !isTokenRefused(call)) return fcmOutcome(call, device.address, clock);
    tokens.drop(token);
  }
}

function readSettings(settings: JsonObject): FcmSettings {
  assertKeys(settings, [...KEYS, ...CALL_KEYS], '');
  const account = readServiceAccount(settings);
  const projectId = readText(settings, 'projectId', '') ?? account.projectId;
  if (!projectId) throw new SettingsFault('projectId', `is needed: the service account's file does not say it`);
  const ttlMs = settings['ttl'] === undefined ? null : readDurationMs(settings, 'ttl', '', TTL);
  return {
    account,
    projectId,
    content: {
      shape: readWord(settings, 'content', '', ['notification', 'data']),
      priority: readWord(settings, 'priority', '', ['high', 'normal']),
      ttlS: ttlMs === null ? null : Math.ceil(ttlMs / 1_000),
      androidChannel: readText(settings, 'androidChannel', ''),
      sound: readText(settings, 'sound', ''),
    },
    platforms: readPlatforms(settings, null),
    ...readCallSettings(settings, BASE_URL),
  };
}

/** The file as it was downloaded: as text, or as the map that it is. */
function readServiceAccount(settings: JsonObject): ServiceAccount {
  const what = 'the JSON of a service account (Firebase console, project settings, service accounts)';
  const given = settings['serviceAccount'];
  const file = isObject(given) ? given : parsed(readNeeded(settings, 'serviceAccount', '', what));
  if (!file) throw new SettingsFault('serviceAccount', `must be ${what}`);
  const text = (name: string) => {
    const value = file[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const [email, pem] = [text('client_email'), text('private_key')];
  if (email === null || pem === null)
    throw new SettingsFault('serviceAccount', 'has no client_email or private_key; download the file once more');
  return {
    projectId: text('project_id'),
    email,
    keyId: text('private_key_id'),
    key: signingKey(pem, 'serviceAccount', 'rsa'),
    tokenUrl: readBaseUrl(file, 'token_uri', 'serviceAccount', TOKEN_URL),
  };
}

function parsed(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value as JsonObject) ? (value as JsonObject) : null;
  } catch {
    // Not its message: that would quote the key.
    return null;
  }
}
