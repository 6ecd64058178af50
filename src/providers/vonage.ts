/** `type: vonage`: SMS, MMS and WhatsApp through Vonage's Messages API, version 1 (docs/providers/vonage.md). */
import { createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { JsonObject } from '#domain/request.ts';
import type { Provider, ProviderType, SendOutcome } from '#ports/provider.ts';
import { CALL_KEYS, readCallSettings } from './call-settings.ts';
import type { CallSettings } from './call-settings.ts';
import { outcomeOfMeaning } from './code-meaning.ts';
import { REF_LENGTH_MAX, boundedRetryAfterMs } from './http-answer.ts';
import { SettingsFault, assertKeys, faultOfReading, readDurationMs, readNeeded, readText } from './settings.ts';
import { signingKey } from './signing-key.ts';
import { connectVendor, outcomeOfCall } from './vendor-call.ts';
import type { VendorAnswer } from './vendor-call.ts';
import { meaningOfError } from './vonage-errors.ts';
import { vonageMessage } from './vonage-message.ts';
import { assertSignedByVonage, vonageReceipts } from './vonage-receipts.ts';
import { vonageAuthorization } from './vonage-token.ts';
import type { VonageCredentials } from './vonage-token.ts';

const BASE_URL = 'https://api.nexmo.com';
/** How long an SMS may take to be delivered, in ms; Vonage takes whole seconds, 20 to 604,800. */
const TTL = { min: 20_000, max: 604_800_000, default: 0 };

const KEYS = [
  'applicationId',
  'privateKey',
  'apiKey',
  'apiSecret',
  'signatureSecret',
  'from',
  'ttl',
  'entityId',
  ...CALL_KEYS,
] as const;

interface Settings extends CallSettings {
  credentials: VonageCredentials;
  signatureSecret: KeyObject;
  from: string | null;
  ttlS: number | null;
  entityId: string | null;
}

/** The word `vonage` of the catalogue. */
export const vonageProvider: ProviderType = {
  type: 'vonage',
  channels: ['sms', 'whatsapp'],
  reports: true,
  secrets: ['privateKey', 'apiSecret', 'signatureSecret'],
  faultOf: (settings) => faultOfReading(() => readSettings(settings)),
  open(config, { clock }): Provider {
    const settings = readSettings(config.settings);
    const { credentials, signatureSecret, baseUrl, timeoutMs, concurrency: connections } = settings;
    const vendor = connectVendor(baseUrl, { connections, timeoutMs }, clock);
    const authorization = vonageAuthorization(credentials, clock);
    const defaults = { ...settings, hasReceipts: config.receipts === 'callback' };
    const judge = (answer: VendorAnswer) => outcomeOfAnswer(answer, clock.now());
    return {
      receiptsByRef: false,
      concurrency: connections,
      async send(message): Promise<SendOutcome> {
        const body = vonageMessage(message, defaults);
        if (isOutcome(body)) return body;
        const headers = {
          authorization: await authorization(),
          'content-type': 'application/json',
          accept: 'application/json',
          'user-agent': 'carom',
        };
        const call = await vendor.call({ method: 'POST', path: '/v1/messages', headers, body: JSON.stringify(body) });
        return outcomeOfCall(call, judge, clock);
      },
      async parseReceipts(callback) {
        await assertSignedByVonage(callback, signatureSecret, clock.now());
        return vonageReceipts(callback);
      },
      close: vendor.close,
    };
  },
};

/** Vonage's own messages have no `kind`. */
function isOutcome(body: JsonObject | SendOutcome): body is SendOutcome {
  return 'kind' in body;
}

/** A 202 with the message's name, or a problem (RFC 7807). */
function outcomeOfAnswer({ status, headers, json, text }: VendorAnswer, now: number): SendOutcome {
  const answer = (json ?? {}) as { message_uuid?: unknown; title?: unknown; detail?: unknown };
  if (status >= 200 && status < 300) {
    const ref = answer.message_uuid;
    const isRef = typeof ref === 'string' && ref !== '' && ref.length <= REF_LENGTH_MAX;
    return isRef ? { kind: 'accepted', ref } : { kind: 'unknown', reason: 'unreadable_answer' };
  }
  const detail = [answer.title, answer.detail].filter((one) => typeof one === 'string').join(': ');
  // What is not in Vonage's words is another server's, or a proxy's: it says nothing about the message.
  const meaning = meaningOfError(json) ?? { reason: `http_${status}`, fate: status >= 500 ? 'passing' : 'elsewhere' };
  return outcomeOfMeaning(meaning, detail || text.trim() || null, boundedRetryAfterMs(headers['retry-after'], now));
}

/** @throws {SettingsFault} */
function readSettings(settings: JsonObject): Settings {
  assertKeys(settings, KEYS, '');
  const ttlMs = readDurationMs(settings, 'ttl', '', TTL);
  const secret = readNeeded(
    settings,
    'signatureSecret',
    '',
    'the signature secret, from API settings; it signs webhooks',
  );
  return {
    credentials: readCredentials(settings),
    signatureSecret: createSecretKey(Buffer.from(secret)),
    from: readText(settings, 'from', ''),
    ttlS: ttlMs === 0 ? null : Math.round(ttlMs / 1_000),
    entityId: readText(settings, 'entityId', ''),
    ...readCallSettings(settings, BASE_URL),
  };
}

function readCredentials(settings: JsonObject): VonageCredentials {
  const apiKey = readText(settings, 'apiKey', '');
  if (apiKey === null) {
    const applicationId = readNeeded(
      settings,
      'applicationId',
      '',
      'the id of your application (or apiKey and apiSecret)',
    );
    const pem = readNeeded(settings, 'privateKey', '', 'the private key of the application');
    return { kind: 'application', applicationId, privateKey: signingKey(pem, 'privateKey', 'rsa') };
  }
  if (settings['applicationId'] !== undefined || settings['privateKey'] !== undefined)
    throw new SettingsFault('apiKey', 'stands beside applicationId or privateKey; keep one way to authenticate');
  return { kind: 'basic', apiKey, apiSecret: readNeeded(settings, 'apiSecret', '', 'the secret of apiKey') };
}
