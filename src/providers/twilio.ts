/** `type: twilio`: SMS, MMS and WhatsApp through Twilio's Programmable Messaging (docs/providers/twilio.md). */
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage, Provider, ProviderType, SendOutcome } from '#ports/provider.ts';
import { CALL_KEYS, readCallSettings } from './call-settings.ts';
import type { CallSettings } from './call-settings.ts';
import { outcomeOfMeaning } from './code-meaning.ts';
import { boundedRetryAfterMs } from './http-answer.ts';
import { SettingsFault, assertKeys, faultOfReading, readDurationMs, readNeeded, readText } from './settings.ts';
import { meaningOfCode } from './twilio-errors.ts';
import { assertSignedByTwilio, twilioReceipts } from './twilio-receipts.ts';
import { connectVendor, outcomeOfCall } from './vendor-call.ts';
import type { VendorAnswer } from './vendor-call.ts';

const BASE_URL = 'https://api.twilio.com';
/** How long a message may stand in Twilio's queue, in ms; Twilio takes whole seconds. */
const VALIDITY = { min: 1_000, max: 36_000_000, default: 0 };

const KEYS = [
  'accountSid',
  'authToken',
  'apiKeySid',
  'apiKeySecret',
  'messagingServiceSid',
  'from',
  'validityPeriod',
  ...CALL_KEYS,
] as const;

interface Settings extends CallSettings {
  accountSid: string;
  /** Signs receipts; authenticates requests where there is no API key. */
  authToken: string;
  apiKey: { sid: string; secret: string } | null;
  messagingServiceSid: string | null;
  from: string | null;
  validityS: number | null;
}

/** The word `twilio` of the catalogue. */
export const twilioProvider: ProviderType = {
  type: 'twilio',
  channels: ['sms', 'whatsapp'],
  reports: true,
  secrets: ['authToken', 'apiKeySecret'],
  faultOf: (settings) => faultOfReading(() => readSettings(settings)),
  open(config, { clock }): Provider {
    const settings = readSettings(config.settings);
    const { accountSid, authToken, apiKey, baseUrl, timeoutMs, concurrency: connections } = settings;
    const vendor = connectVendor(baseUrl, { connections, timeoutMs }, clock);
    const path = `/2010-04-01/Accounts/${accountSid}/Messages.json`;
    const credentials = Buffer.from(apiKey ? `${apiKey.sid}:${apiKey.secret}` : `${accountSid}:${authToken}`);
    const headers = {
      authorization: `Basic ${credentials.toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      'user-agent': 'carom',
    };
    const judge = (answer: VendorAnswer) => outcomeOfAnswer(answer, clock.now());
    return {
      receiptsByRef: false,
      concurrency: connections,
      async send(message): Promise<SendOutcome> {
        const form = formOf(message, settings, config.receipts === 'callback');
        if (!(form instanceof URLSearchParams)) return form;
        return outcomeOfCall(await vendor.call({ method: 'POST', path, headers, body: form.toString() }), judge, clock);
      },
      async parseReceipts(callback) {
        assertSignedByTwilio(callback, authToken);
        return twilioReceipts(callback, accountSid);
      },
      close: vendor.close,
    };
  },
};

/** The fields of https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource, or why there can be none. */
function formOf(message: OutgoingMessage, settings: Settings, hasReceipts: boolean): URLSearchParams | SendOutcome {
  const { channel, to, body, image, template, receiptUrl } = message;
  if (channel !== 'sms' && channel !== 'whatsapp')
    return refused('unsupported_channel', `Twilio sends no ${channel} messages here; use sms or whatsapp`);
  const from = message.from ?? settings.from;
  if (from === null && settings.messagingServiceSid === null)
    return refused('invalid_sender', 'give the campaign a "from", or the provider a "from" or "messagingServiceSid"');
  if (template && !/^HX[0-9a-f]{32}$/i.test(template.name))
    return refused('invalid_content', 'a template is named by its Content SID: HX and 32 hexadecimal digits');
  if (!template && !body && !image) return refused('invalid_content', 'a message needs a body, an image or a template');
  const form = new URLSearchParams({ To: addressOn(channel, to) });
  if (from !== null) form.set('From', addressOn(channel, from));
  if (settings.messagingServiceSid !== null) form.set('MessagingServiceSid', settings.messagingServiceSid);
  if (template) {
    form.set('ContentSid', template.name);
    // Placeholders of a Content Template are numbered from 1.
    const variables = template.variables.map((value, index) => [String(index + 1), value] as const);
    if (variables.length > 0) form.set('ContentVariables', JSON.stringify(Object.fromEntries(variables)));
  } else {
    if (body) form.set('Body', body);
    if (image) form.set('MediaUrl', image);
  }
  if (hasReceipts) form.set('StatusCallback', receiptUrl);
  if (settings.validityS !== null) form.set('ValidityPeriod', String(settings.validityS));
  return form;
}

function addressOn(channel: 'sms' | 'whatsapp', address: string): string {
  return channel === 'whatsapp' && !address.startsWith('whatsapp:') ? `whatsapp:${address}` : address;
}

function refused(reason: string, detail: string): SendOutcome {
  return { kind: 'rejected', reason, detail, retryable: false };
}

/** A 201 with the message, or `{code, message, more_info, status}`. */
function outcomeOfAnswer({ status, headers, json, text }: VendorAnswer, now: number): SendOutcome {
  const { sid, code, message } = (json ?? {}) as { sid?: unknown; code?: unknown; message?: unknown };
  if (status >= 200 && status < 300)
    return typeof sid === 'string' && sid !== ''
      ? { kind: 'accepted', ref: sid }
      : { kind: 'unknown', reason: 'unreadable_answer' };
  if (typeof code === 'number') {
    const retryAfterMs = boundedRetryAfterMs(headers['retry-after'], now);
    return outcomeOfMeaning(meaningOfCode(code, status), typeof message === 'string' ? message : null, retryAfterMs);
  }
  // Not Twilio's words: a proxy between us, or another server. It says nothing about the message.
  const fate = status >= 500 ? 'passing' : 'elsewhere';
  return outcomeOfMeaning({ reason: `http_${status}`, fate }, text.trim() || null, 0);
}

/** @throws {SettingsFault} */
function readSettings(settings: JsonObject): Settings {
  assertKeys(settings, KEYS, '');
  const validityMs = readDurationMs(settings, 'validityPeriod', '', VALIDITY);
  return {
    accountSid: readSid(settings, 'accountSid', 'AC', 'the Account SID, from the first page of Twilio’s console')!,
    authToken: readNeeded(settings, 'authToken', '', 'the Auth Token beside the Account SID; it signs receipts'),
    apiKey: readApiKey(settings),
    messagingServiceSid: readSid(settings, 'messagingServiceSid', 'MG', null),
    from: readText(settings, 'from', ''),
    validityS: validityMs === 0 ? null : Math.round(validityMs / 1_000),
    ...readCallSettings(settings, BASE_URL),
  };
}

function readApiKey(settings: JsonObject): Settings['apiKey'] {
  const sid = readSid(settings, 'apiKeySid', 'SK', null);
  const secret = readText(settings, 'apiKeySecret', '');
  if (sid === null && secret === null) return null;
  if (sid === null) throw new SettingsFault('apiKeySid', 'is needed: the SID of the key that apiKeySecret belongs to');
  return { sid, secret: readNeeded(settings, 'apiKeySecret', '', 'the secret that was shown when the key was made') };
}

/** @param needed what it is, where it must be there. */
function readSid(settings: JsonObject, key: string, prefix: string, needed: string | null): string | null {
  const sid = needed === null ? readText(settings, key, '') : readNeeded(settings, key, '', needed);
  if (sid !== null && !new RegExp(`^${prefix}[0-9a-fA-F]{32}$`).test(sid))
    throw new SettingsFault(key, `"${sid}" is no SID; it is ${prefix} and 32 hexadecimal digits`);
  return sid;
}
