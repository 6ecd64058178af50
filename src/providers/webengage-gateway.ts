/**
 * `type: webengage-gateway`: a gateway that was built for WebEngage, as its service provider or private one, for SMS, WhatsApp,
 * RCS or e-mail (docs/providers/webengage-gateway.md). It needs no change to work with Carom.
 */
import type { Channel } from '#domain/campaign.ts';
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage, Provider, ProviderType, SendOutcome } from '#ports/provider.ts';
import { CallbackError } from '#ports/provider.ts';
import type { Instant } from '#domain/time.ts';
import {
  SettingsFault,
  assertKeys,
  faultOfReading,
  readDurationMs,
  readInteger,
  readNeeded,
  readObject,
  readText,
  readWord,
} from './settings.ts';
import { connectVendor } from './vendor-call.ts';
import { outcomeOfSend } from './webengage-gateway-answer.ts';
import type { GatewayChannel } from './webengage-gateway-codes.ts';
import { receiptsIn } from './webengage-gateway-reports.ts';
import { UnspeakableError, requestBody } from './webengage-gateway-requests.ts';
import type { IndiaDlt, RequestSettings } from './webengage-gateway-requests.ts';

/** The whole call, in ms. */
const TIMEOUT = { min: 10, max: 120_000, default: 10_000 };
/** Connections to the gateway, each with one call at a time. */
const CONCURRENCY = { min: 1, max: 1_024, default: 128 };
/** Of templates that name none. */
const LANGUAGE = 'en';

const KEYS = [
  'url',
  'apiKey',
  'username',
  'password',
  'headers',
  'campaignType',
  'requestType',
  'language',
  'custom',
  'indiaDLT',
  'timeout',
  'concurrency',
] as const;

interface Settings extends RequestSettings {
  origin: string;
  /** With its query. */
  path: string;
  headers: Record<string, string>;
  timeoutMs: number;
  concurrency: number;
}

/** The word `webengage-gateway` of the catalogue. */
export const webengageGatewayProvider: ProviderType = {
  type: 'webengage-gateway',
  channels: ['sms', 'whatsapp', 'rcs', 'email'],
  reports: true,
  secrets: ['apiKey', 'password', 'headers.*'],
  faultOf: (settings) => faultOfReading(() => readSettings(settings)),
  open(config, { clock }): Provider {
    const settings = readSettings(config.settings);
    const { origin, path, headers, timeoutMs, concurrency: connections } = settings;
    const gateway = connectVendor(origin, { connections, timeoutMs }, clock);
    const channel = asGatewayChannel(config.channel);
    return {
      receiptsByRef: false,
      concurrency: connections,
      async send(message): Promise<SendOutcome> {
        if (channel === null) return refusal('channel_not_supported', `the protocol has no ${config.channel}`, true);
        const body = written(message, channel, settings, clock.now());
        if (typeof body !== 'string') return body;
        return outcomeOfSend(await gateway.call({ method: 'POST', path, headers, body }), channel, clock);
      },
      async parseReceipts(callback) {
        if (channel === null) throw new CallbackError(`the protocol has no ${config.channel}`);
        return receiptsIn(callback, channel);
      },
      close: gateway.close,
    };
  },
};

function asGatewayChannel(channel: Channel): GatewayChannel | null {
  return channel === 'sms' || channel === 'whatsapp' || channel === 'rcs' || channel === 'email' ? channel : null;
}

function written(
  message: OutgoingMessage,
  channel: GatewayChannel,
  settings: Settings,
  now: Instant,
): string | SendOutcome {
  try {
    return JSON.stringify(requestBody(message, channel, settings, now));
  } catch (error) {
    if (error instanceof UnspeakableError)
      return refusal('invalid_content', error.message, message.attachments !== null);
    throw error;
  }
}

/** @param tryElsewhere another provider may have a place for it. */
function refusal(reason: string, detail: string, tryElsewhere: boolean): SendOutcome {
  return { kind: 'rejected', reason, detail, retryable: false, ...(tryElsewhere && { tryElsewhere }) };
}

/** @throws {SettingsFault} */
function readSettings(settings: JsonObject): Settings {
  assertKeys(settings, KEYS, '');
  const text = readNeeded(settings, 'url', '', 'the address that the gateway takes messages at');
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.hash)
    throw new SettingsFault('url', `"${text}" is not an address such as https://gateway.example.com/webengage/sms`);
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    headers: {
      ...readHeaders(settings),
      ...readCredentials(settings),
      'content-type': 'application/json',
      'user-agent': 'carom',
    },
    campaignType: readWord(settings, 'campaignType', '', ['TRANSACTIONAL', 'PROMOTIONAL']),
    requestType: readWord(settings, 'requestType', '', ['variables', 'message']),
    language: readText(settings, 'language', '') ?? LANGUAGE,
    custom: readTexts(settings, 'custom'),
    indiaDLT: readIndiaDlt(settings),
    timeoutMs: readDurationMs(settings, 'timeout', '', TIMEOUT),
    concurrency: readInteger(settings, 'concurrency', '', CONCURRENCY),
  };
}

/** Bearer or Basic, as the vendor's page has it; private gateways may have neither, but headers of their own. */
function readCredentials(settings: JsonObject): Record<string, string> {
  const apiKey = readText(settings, 'apiKey', '');
  const username = readText(settings, 'username', '');
  const password = readText(settings, 'password', '');
  if (apiKey !== null && username !== null)
    throw new SettingsFault('apiKey', 'stands beside "username"; a gateway has one or the other');
  if ((username === null) !== (password === null))
    throw new SettingsFault(username === null ? 'username' : 'password', 'is missing; give both username and password');
  if (apiKey !== null) return { authorization: `Bearer ${headerValue(apiKey, 'apiKey')}` };
  if (username === null) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

function readHeaders(settings: JsonObject): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(readTexts(settings, 'headers'))) {
    const path = `headers.${name}`;
    if (
      !/^[\w!#$%&'*+.^`|~-]+$/.test(name) ||
      /^(content-(type|length)|host|connection|transfer-encoding)$/i.test(name)
    )
      throw new SettingsFault(path, 'cannot be set; use the names that the gateway asks for, such as X-Api-Key');
    headers[name.toLowerCase()] = headerValue(value, path);
  }
  return headers;
}

function headerValue(value: string, path: string): string {
  if (!/^[\x20-\x7e\x80-\xff]*$/.test(value)) throw new SettingsFault(path, 'has characters that no header can hold');
  return value;
}

function readTexts(settings: JsonObject, key: string): Record<string, string> {
  const map = readObject(settings, key, '') ?? {};
  return Object.fromEntries(Object.keys(map).map((name) => [name, readText(map, name, key) ?? '']));
}

function readIndiaDlt(settings: JsonObject): IndiaDlt | null {
  const dlt = readObject(settings, 'indiaDLT', '');
  if (!dlt) return null;
  assertKeys(dlt, ['principalEntityId', 'contentTemplateId', 'telemarketerId'], 'indiaDLT');
  return {
    principalEntityId: readNeeded(dlt, 'principalEntityId', 'indiaDLT', 'your entity’s id at the DLT portal'),
    contentTemplateId: readText(dlt, 'contentTemplateId', 'indiaDLT'),
    telemarketerId: readText(dlt, 'telemarketerId', 'indiaDLT'),
  };
}
