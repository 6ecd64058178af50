/** `type: sendgrid`: Twilio SendGrid, by its API v3 and its event webhook (docs/providers/sendgrid.md). */
import type { KeyObject } from 'node:crypto';
import type { Json, JsonObject } from '#domain/request.ts';
import type { Provider, ProviderTools, ProviderType, SendOutcome } from '#ports/provider.ts';
import { CALL_KEYS, readCallSettings } from './call-settings.ts';
import type { CallSettings } from './call-settings.ts';
import { jsonRequest } from './file-request.ts';
import type { NamedAddress } from './mail-address.ts';
import { addressesOf, readFrom } from './mail-parties.ts';
import { outcomeOfSendgrid } from './sendgrid-answer.ts';
import { receiptsOfEvents } from './sendgrid-events.ts';
import { mailSendOf } from './sendgrid-message.ts';
import type { SendgridMailSettings } from './sendgrid-message.ts';
import { assertSigned, verificationKey } from './sendgrid-signature.ts';
import { assertKeys, faultOfReading, readCredential, readFlag, readText } from './settings.ts';
import { connectVendor } from './vendor-call.ts';

const SETTINGS = ['apiKey', 'from', 'verificationKey', 'ipPool', 'sandboxMode', ...CALL_KEYS] as const;

interface SendgridPlan extends CallSettings {
  apiKey: string;
  from: NamedAddress | null;
  /** Null: the secret in the callback's address is all there is. */
  key: KeyObject | null;
  mail: SendgridMailSettings;
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
    ...readCallSettings(settings, 'https://api.sendgrid.com'),
  };
}
