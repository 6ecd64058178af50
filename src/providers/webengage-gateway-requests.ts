/** Messages in the shapes of WebEngage's provider protocol, one for each channel (docs/providers/webengage-gateway.md). */
import type { JsonObject } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import { readNamedAddress } from './mail-address.ts';
import { fileNameOf, mediaKindOf } from './media-kind.ts';
import type { GatewayChannel } from './webengage-gateway-codes.ts';

/** India's registration of SMS; with it, requests are of version 2.0. */
export interface IndiaDlt {
  principalEntityId: string;
  /** Of campaigns that name no template. */
  contentTemplateId: string | null;
  telemarketerId: string | null;
}

/** What requests are completed with. */
export interface RequestSettings {
  campaignType: 'TRANSACTIONAL' | 'PROMOTIONAL';
  /** What a WhatsApp gateway takes: the template's variables, or the whole text. */
  requestType: 'variables' | 'message';
  /** Of templates that name none. */
  language: string;
  /** Given to the gateway with every message. */
  custom: Record<string, string>;
  indiaDLT: IndiaDlt | null;
}

/** A message that the protocol has no place for; the message says why. */
export class UnspeakableError extends Error {
  override name = 'UnspeakableError';
}

/** The request's body. @throws {UnspeakableError} */
export function requestBody(
  message: OutgoingMessage,
  channel: GatewayChannel,
  settings: RequestSettings,
  now: Instant,
): JsonObject {
  return BODIES[channel](message, settings, timestampOf(now));
}

type Body = (message: OutgoingMessage, settings: RequestSettings, timestamp: string) => JsonObject;

const BODIES: Record<GatewayChannel, Body> = {
  sms(message, settings, timestamp) {
    const { indiaDLT: dlt, custom } = settings;
    const contentTemplateId = message.template?.name ?? dlt?.contentTemplateId;
    const indiaDLT = dlt && {
      ...(contentTemplateId && { contentTemplateId }),
      principalEntityId: dlt.principalEntityId,
      ...(dlt.telemarketerId !== null && { telemarketerId: dlt.telemarketerId }),
    };
    return {
      version: dlt ? '2.0' : '1.0',
      smsData: { toNumber: digits(message.to), ...from('fromNumber', message), body: message.body ?? '' },
      metadata: {
        ...metadataOf(message, settings, timestamp),
        ...some('custom', custom),
        ...(indiaDLT && { indiaDLT }),
      },
    };
  },

  whatsapp(message, settings, timestamp) {
    const isWhole = settings.requestType === 'message' || message.template === null;
    return {
      version: '1.0',
      whatsAppData: {
        // The vendor's samples write a number with its plus where the text goes whole, and without where variables go.
        toNumber: isWhole ? message.to : digits(message.to),
        ...from('fromNumber', message),
        templateData: {
          ...(message.template && { templateName: message.template.name }),
          ...(isWhole ? { message: message.body ?? '' } : { templateVariables: message.template!.variables }),
          language: message.template?.language ?? settings.language,
          ...mediaOf(message.image),
          ...(message.url !== null && { buttonUrlParam: message.url }),
        },
        ...some('customData', settings.custom),
      },
      metadata: metadataOf(message, settings, timestamp),
    };
  },

  rcs(message, settings, timestamp) {
    const { template, data, title, body, image } = message;
    const numbered = (template?.variables ?? []).map((text, index) => [String(index + 1), text]);
    const details = {
      ...(title !== null && { title }),
      ...(body !== null && { text: body }),
      ...(image !== null && { mediaType: capitalised(mediaKindOf(image)), mediaUrl: image }),
    };
    return {
      version: '1.0',
      rcsData: {
        toNumber: message.to,
        ...from('sender', message),
        templateData: {
          ...(template && { templateName: template.name }),
          type: title === null && image === null ? 'TEXT' : 'RICH_CARD',
          language: template?.language ?? settings.language,
          parameters: { ...(Object.fromEntries(numbered) as Record<string, string>), ...data },
          ...some('templateDetails', details),
        },
        ...some('customData', settings.custom),
      },
      // The vendor's table says `timestamp`, its samples say `timeStamp`.
      metadata: { ...metadataOf(message, settings, timestamp), timeStamp: timestamp },
    };
  },

  email(message, settings, timestamp) {
    if (message.attachments)
      throw new UnspeakableError('the gateway takes attachments as links alone; put links into the text');
    const sender = readNamedAddress(message.from ?? '');
    if (!sender) throw new UnspeakableError('an e-mail needs a "from" such as Shop <shop@example.com>');
    return {
      version: '1.0',
      email: {
        from: sender.address,
        fromName: sender.name,
        replyTo: message.replyTo === null ? [] : [message.replyTo],
        subject: message.subject ?? '',
        ...(message.body !== null && { text: message.body }),
        ...(message.html !== null && { html: message.html }),
        recipients: { to: [{ name: '', email: message.to }], cc: [], bcc: [] },
        attachments: [],
      },
      metadata: { ...metadataOf(message, settings, timestamp), ...some('custom', settings.custom) },
    };
  },
};

function metadataOf({ messageId }: OutgoingMessage, { campaignType }: RequestSettings, timestamp: string): JsonObject {
  return { campaignType, timestamp, messageId };
}

/** `type`, and for what is not plain text its link. */
function mediaOf(link: string | null): JsonObject {
  if (link === null) return { type: 'TEXT' };
  const kind = mediaKindOf(link);
  const fileName = kind === 'document' ? fileNameOf(link) : null;
  return { type: kind.toUpperCase(), mediaUrl: link, ...(fileName !== null && { fileName }) };
}

/** Under this name; nothing where the message has none. */
function from(name: string, message: OutgoingMessage): JsonObject {
  return message.from === null ? {} : { [name]: digits(message.from) };
}

/** A map under a name; nothing where it is empty. */
function some(name: string, map: JsonObject): JsonObject {
  return Object.keys(map).length === 0 ? {} : { [name]: map };
}

/** A number with its country code, without the plus; other senders stay as they are. */
function digits(number: string): string {
  return number.replace(/^\+(?=\d)/, '');
}

function capitalised(word: string): string {
  return word[0]!.toUpperCase() + word.slice(1);
}

/** `2018-01-25T10:24:16+0000`. */
function timestampOf(now: Instant): string {
  return `${new Date(now).toISOString().slice(0, 19)}+0000`;
}
