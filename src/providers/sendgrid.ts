/** `type: sendgrid`: Twilio SendGrid, by its API v3 and its event webhook (docs/providers/sendgrid.md). */
import type { KeyObject } from 'node:crypto';
import type { Json, JsonObject } from '#domain/request.ts';
import type { Provider, ProviderTools, ProviderType, SendOutcome } from '#ports/provider.ts';
import { jsonRequest } from './file-request.ts';
import type { NamedAddress } from './mail-address.ts';
import { addressesOf, readFrom } from './mail-parties.ts';
import { outcomeOfSendgrid } from './sendgrid-answer.ts';
import { receiptsOfEvents } from './sendgrid-events.ts';
import { mailSendOf } from './sendgrid-message.ts';
import type { SendgridMailSettings } from './sendgrid-message.ts';
import { assertSigned, verificationKey } from './sendgrid-signature.ts';
import {
  assertKeys,
  faultOfReading,
  readBaseUrl,
  readCredential,
  readDurationMs,
  readFlag,
  readInteger,
  readText,
} from './settings.ts';
import { connectVendor } from './vendor-call.ts';

/** For a whole call. */
const TIMEOUT = { min: 1_000, max: 120_000, default: 10_000 };
/** Calls under way at once, each on a connection of its own. */
const CONCURRENCY = { min: 1, max: 1_024, default: 128 };

const SETTINGS = [
  'apiKey',
  'from',
  'verificationKey',
  'ipPool',
  'sandboxMode',
  'baseUrl',
  'timeout',
  'concurrency',
] as const;

interface SendgridPlan {
  apiKey: string;
  from: NamedAddress | null;
  /** Null: the secret in the callback's address is all there is. */
  key: KeyObject | null;
  mail: SendgridMailSettings;
  baseUrl: string;
  timeoutMs: number;
  concurrency: number;
}

/** The word `sendgrid` of the catalogue. */
export const sendgridProvider: ProviderType = {
  type: 'sendgrid',
  channels: ['email'],
  reports: true,
  secrets: ['apiKey'],
  faultOf: (settings) => faultOfReading(() => readPlan(settings)),
  open: ({ settings }, tools) => openSendgrid(readPlan(settings), tools),
};

function openSendgrid(plan: SendgridPlan, { clock }: ProviderTools): Provider {
  const { concurrency, from, key, mail, timeoutMs } = plan;
  const vendor = connectVendor(plan.baseUrl, { connections: concurrency, timeoutMs }, clock);
  const headers = { authorization: `Bearer ${plan.apiKey}` };
  return {
    receiptsByRef: false,
    concurrency,
    async send(message): Promise<SendOutcome> {
      const addresses = addressesOf(message, from);
      if ('kind' in addresses) return addresses;
      const compose = (files: Parameters<typeof mailSendOf>[3]): Json => mailSendOf(message, addresses, mail, files);
      const request = await jsonRequest('/v3/mail/send', headers, message.attachments, compose);
      return outcomeOfSendgrid(await vendor.call(request), clock);
    },
    async parseReceipts(callback) {
      if (key) assertSigned(callback, key, clock.now());
      return receiptsOfEvents(callback.body);
    },
    close: () => vendor.close(),
  };
}

function readPlan(settings: JsonObject): SendgridPlan {
  assertKeys(settings, SETTINGS, '');
  const key = readText(settings, 'verificationKey', '');
  return {
    apiKey: readCredential(settings, 'apiKey', '', 'an API key with the permission "Mail Send"'),
    from: readFrom(settings),
    key: key === null ? null : verificationKey(key, 'verificationKey'),
    mail: { ipPool: readText(settings, 'ipPool', ''), isSandboxed: readFlag(settings, 'sandboxMode', '', false) },
    baseUrl: readBaseUrl(settings, 'baseUrl', '', 'https://api.sendgrid.com'),
    timeoutMs: readDurationMs(settings, 'timeout', '', TIMEOUT),
    concurrency: readInteger(settings, 'concurrency', '', CONCURRENCY),
  };
}
