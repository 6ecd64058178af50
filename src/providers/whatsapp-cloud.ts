/** `type: whatsapp-cloud`: WhatsApp through Meta's Cloud API (docs/providers/whatsapp-cloud.md). */
import type { JsonObject } from '#domain/request.ts';
import type { Clock } from '#ports/clock.ts';
import type { Provider, ProviderType, SendOutcome } from '#ports/provider.ts';
import { CALL_KEYS, readCallSettings } from './call-settings.ts';
import { outcomeOfMeaning } from './code-meaning.ts';
import { REF_LENGTH_MAX, boundedRetryAfterMs } from './http-answer.ts';
import { SettingsFault, assertKeys, faultOfReading, readFlag, readNeeded, readText } from './settings.ts';
import type { Exchange } from './http-exchange.ts';
import { connectVendor, jsonIn, outcomeOfCall } from './vendor-call.ts';
import type { VendorAnswer } from './vendor-call.ts';
import { asGraphError, detailOfError, meaningOfError } from './whatsapp-cloud-errors.ts';
import { messageBody } from './whatsapp-cloud-message.ts';
import type { MessageDefaults } from './whatsapp-cloud-message.ts';
import { assertSigned, challengeIn, receiptsIn } from './whatsapp-cloud-receipts.ts';

const BASE_URL = 'https://graph.facebook.com';
/** The version of the Graph API that this was written for; Meta keeps each for two years. */
const API_VERSION = 'v24.0';
/** Of templates that name none. */
const LANGUAGE = 'en_US';

const KEYS = [
  'phoneNumberId',
  'accessToken',
  'appSecret',
  'verifyToken',
  'apiVersion',
  'language',
  'previewUrl',
  ...CALL_KEYS,
] as const;

interface Settings extends MessageDefaults {
  phoneNumberId: string;
  accessToken: string;
  appSecret: string;
  verifyToken: string;
  apiVersion: string;
  baseUrl: string;
  timeoutMs: number;
  concurrency: number;
}

/** The word `whatsapp-cloud` of the catalogue. */
export const whatsappCloudProvider: ProviderType = {
  type: 'whatsapp-cloud',
  channels: ['whatsapp'],
  reports: true,
  secrets: ['accessToken', 'appSecret', 'verifyToken'],
  faultOf: (settings) => faultOfReading(() => readSettings(settings)),
  open(config, { clock }): Provider {
    const settings = readSettings(config.settings);
    const { baseUrl, timeoutMs, concurrency: connections } = settings;
    const vendor = connectVendor(baseUrl, { connections, timeoutMs }, clock);
    const path = `/${settings.apiVersion}/${settings.phoneNumberId}/messages`;
    const headers = {
      authorization: `Bearer ${settings.accessToken}`,
      'content-type': 'application/json',
      'user-agent': 'carom',
    };
    return {
      receiptsByRef: false,
      concurrency: connections,
      async send(message): Promise<SendOutcome> {
        const body = messageBody(message, settings);
        if (body === null) return NOTHING_TO_SAY;
        const call = await vendor.call({ method: 'POST', path, headers, body: JSON.stringify(body) });
        return refusalIn(call, clock) ?? outcomeOfCall(call, judge, clock);
      },
      answerChallenge: async (callback) => challengeIn(callback, settings.verifyToken),
      async parseReceipts(callback) {
        assertSigned(callback, settings.appSecret);
        return receiptsIn(callback, settings.phoneNumberId);
      },
      close: vendor.close,
    };
  },
};

const NOTHING_TO_SAY: SendOutcome = {
  kind: 'rejected',
  reason: 'invalid_content',
  detail: 'a WhatsApp message needs a template, a body or an image',
  retryable: false,
};

/**
 * What Meta's own error says, which is more than its HTTP status: "too fast" may be about one recipient or about all. Null
 * where there is none.
 */
function refusalIn(call: Exchange, clock: Clock): SendOutcome | null {
  if (call.kind !== 'answered') return null;
  const error = asGraphError((jsonIn(call.body.toString()) as { error?: unknown } | null | undefined)?.error);
  if (!error) return null;
  const retryAfterMs = boundedRetryAfterMs(call.headers['retry-after'], clock.now());
  return outcomeOfMeaning(meaningOfError(error, call.status), detailOfError(error), retryAfterMs);
}

function judge({ status, json, text }: VendorAnswer): SendOutcome {
  if (status >= 200 && status < 300) {
    const ref = refIn((json as { messages?: unknown } | null | undefined)?.messages);
    return ref === null ? { kind: 'unknown', reason: 'unreadable_answer' } : { kind: 'accepted', ref };
  }
  // Not Meta's words: somebody between us, or another server. It says nothing about the message.
  const fate = status >= 500 ? 'passing' : 'elsewhere';
  return outcomeOfMeaning({ reason: `http_${status}`, fate }, text.trim() || null, 0);
}

/** `{"messages": [{"id": "wamid.…"}]}`: the only answer by which Meta takes a message. */
function refIn(messages: unknown): string | null {
  const [first] = Array.isArray(messages) ? (messages as unknown[]) : [];
  const { id } = (first ?? {}) as { id?: unknown };
  return typeof id === 'string' && id !== '' && id.length <= REF_LENGTH_MAX ? id : null;
}

/** @throws {SettingsFault} */
function readSettings(settings: JsonObject): Settings {
  assertKeys(settings, KEYS, '');
  const phoneNumberId = readNeeded(settings, 'phoneNumberId', '', 'the ID of your number, from WhatsApp > API setup');
  if (!/^\d+$/.test(phoneNumberId))
    throw new SettingsFault(
      'phoneNumberId',
      `"${phoneNumberId}" is no ID; it has digits only, and is not the number itself`,
    );
  const apiVersion = readText(settings, 'apiVersion', '') ?? API_VERSION;
  if (!/^v\d+\.\d+$/.test(apiVersion))
    throw new SettingsFault('apiVersion', `"${apiVersion}" is no version; write it as ${API_VERSION}`);
  return {
    phoneNumberId,
    accessToken: readNeeded(settings, 'accessToken', '', 'the token of a system user that may send WhatsApp messages'),
    appSecret: readNeeded(
      settings,
      'appSecret',
      '',
      'the secret of your app, from App settings > Basic; it signs receipts',
    ),
    verifyToken: readNeeded(settings, 'verifyToken', '', 'a text of your own choice that you also give Meta'),
    apiVersion,
    language: readText(settings, 'language', '') ?? LANGUAGE,
    previewUrl: readFlag(settings, 'previewUrl', '', false),
    ...readCallSettings(settings, BASE_URL),
  };
}
