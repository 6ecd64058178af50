/** `type: ses`: Amazon Simple Email Service, by its API v2, with its reports through Amazon SNS (docs/providers/ses.md). */
import { createHash } from 'node:crypto';
import type { Json } from '#domain/request.ts';
import { ForgedCallbackError } from '#ports/provider.ts';
import type {
  CallbackAnswer,
  OutgoingFile,
  OutgoingMessage,
  Provider,
  ProviderTools,
  ProviderType,
  SendOutcome,
} from '#ports/provider.ts';
import { awsSigner, sha256 } from './aws-signature.ts';
import { jsonRequest } from './file-request.ts';
import { addressesOf } from './mail-parties.ts';
import type { MailAddresses } from './mail-parties.ts';
import { outcomeOfSes } from './ses-answer.ts';
import { receiptsOfSesEvent } from './ses-events.ts';
import { sendEmailOf } from './ses-message.ts';
import { readSesSettings } from './ses-settings.ts';
import type { SesPlan } from './ses-settings.ts';
import { faultOfReading } from './settings.ts';
import { isAboutSubscription, readSnsMessage } from './sns.ts';
import { snsDoor } from './sns-door.ts';
import type { SnsDoor } from './sns-door.ts';
import { connectVendor } from './vendor-call.ts';
import type { VendorRequest } from './vendor-call.ts';

const PATH = '/v2/email/outbound-emails';

/** The word `ses` of the catalogue. */
export const sesProvider: ProviderType = {
  type: 'ses',
  channels: ['email'],
  reports: true,
  secrets: ['secretAccessKey', 'sessionToken'],
  faultOf: (settings) => faultOfReading(() => readSesSettings(settings)),
  open: ({ settings }, tools) => openSes(readSesSettings(settings), tools),
};

function openSes(plan: SesPlan, tools: ProviderTools): Provider {
  const { envelope, topics, concurrency } = plan;
  const { clock, log } = tools;
  const vendor = connectVendor(plan.baseUrl, { connections: concurrency, timeoutMs: plan.timeoutMs }, clock);
  const sign = signing(plan, tools);
  const door = snsDoor(tools);
  // Tags come with the events of a configuration set only; without one SES's own id has to do.
  const receiptsByRef = envelope.configurationSet === null;
  return {
    receiptsByRef,
    concurrency,
    async send(message): Promise<SendOutcome> {
      const addresses = addressesOf(message, envelope.from);
      if ('kind' in addresses) return addresses;
      return outcomeOfSes(await vendor.call(await sign(message, addresses)), clock);
    },
    async parseReceipts(callback) {
      const { type, text } = await readSnsMessage(callback, topics, door, clock.now());
      return type === 'Notification' ? receiptsOfSesEvent(text, receiptsByRef) : [];
    },
    async answerChallenge(callback) {
      if (!isAboutSubscription(callback)) return null;
      const { type, subscribeUrl, topicArn } = await readSnsMessage(callback, topics, door, clock.now());
      if (type === 'Notification') return null;
      if (type === 'SubscriptionConfirmation') return confirm(door, subscribeUrl);
      // Visiting its address would subscribe again, which is the operator's to decide.
      log.warn({ topicArn }, 'SNS has ended a subscription: no receipts come from this topic any more');
      return { contentType: 'text/plain', body: 'noted' };
    },
    close: async () => void (await Promise.all([vendor.close(), door.close()])),
  };
}

async function confirm(door: SnsDoor, subscribeUrl: string): Promise<CallbackAnswer> {
  if (!(await door.confirm(subscribeUrl)))
    throw new ForgedCallbackError("its subscription cannot be confirmed: the address is not SNS's, or SNS refuses it");
  return { contentType: 'text/plain', body: 'confirmed' };
}

/** Makes signed requests of messages. */
function signing(
  plan: SesPlan,
  { clock }: ProviderTools,
): (message: OutgoingMessage, addresses: MailAddresses) => Promise<VendorRequest> {
  const sign = awsSigner({ ...plan, service: 'ses' });
  const { host, pathname } = new URL(plan.baseUrl);
  const path = `${pathname === '/' ? '' : pathname}${PATH}`;
  return async (message, addresses) => {
    const files = message.attachments && (await holding(message.attachments));
    const write = () =>
      jsonRequest(PATH, {}, files, (written): Json => sendEmailOf(message, addresses, plan.envelope, written));
    const request = await write();
    const headers = { host, 'content-type': request.headers['content-type']! };
    if (typeof request.body === 'string') {
      const added = sign({ method: 'POST', path, headers, bodySha256: sha256(request.body) }, clock.now());
      return { ...request, headers: { ...request.headers, ...added } };
    }
    // The signature stands before the body and is over all of it: it is written twice, once for the digest alone.
    const hash = createHash('sha256');
    for await (const piece of request.body!) hash.update(piece as Buffer);
    const added = sign({ method: 'POST', path, headers, bodySha256: hash.digest('hex') }, clock.now());
    const again = await write();
    return { ...again, headers: { ...again.headers, ...added } };
  };
}

/** Files whose content is read once. */
function holding(files: OutgoingFile[]): Promise<OutgoingFile[]> {
  return Promise.all(
    files.map(async (file) => {
      const content = await file.content();
      return { ...file, content: async () => content };
    }),
  );
}
