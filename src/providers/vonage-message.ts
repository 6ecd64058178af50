/** A message as Vonage's Messages API wants it (https://developer.vonage.com/en/api/messages). */
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage, SendOutcome } from '#ports/provider.ts';

/** Of WhatsApp templates that name none. */
const LANGUAGE = 'en_US';

/** What goes into every message. */
export interface VonageDefaults {
  from: string | null;
  /** Seconds in which an SMS is to be delivered. */
  ttlS: number | null;
  /** India's id of the business (DLT); a template's name is then the id of the registered text. */
  entityId: string | null;
  /** Whether its status is to be reported. */
  hasReceipts: boolean;
}

/** The request's body, or why there can be none. */
export function vonageMessage(message: OutgoingMessage, defaults: VonageDefaults): JsonObject | SendOutcome {
  const from = message.from ?? defaults.from;
  if (message.channel !== 'sms' && message.channel !== 'whatsapp')
    return refused('unsupported_channel', `Vonage sends no ${message.channel} messages here; use sms or whatsapp`);
  if (from === null) return refused('invalid_sender', 'give the campaign or the provider a "from"');
  const content = message.channel === 'sms' ? smsContent(message, defaults) : whatsappContent(message);
  if (!content) return refused('invalid_content', `a message by ${message.channel} needs something to say`);
  return {
    ...content,
    to: withoutPlus(message.to),
    from: withoutPlus(from),
    client_ref: message.messageId,
    ...(defaults.hasReceipts && { webhook_url: message.receiptUrl, webhook_version: 'v1' }),
  };
}

/** A text; with a picture it is an MMS. */
function smsContent({ body, image, template }: OutgoingMessage, { ttlS, entityId }: VonageDefaults): JsonObject | null {
  const ttl: JsonObject = ttlS === null ? {} : { ttl: ttlS };
  if (image)
    return { channel: 'mms', message_type: 'image', image: { url: image, ...(body && { caption: body }) }, ...ttl };
  if (!body) return null;
  const registered: JsonObject =
    entityId === null ? {} : { sms: { entity_id: entityId, ...(template && { content_id: template.name }) } };
  return { channel: 'sms', message_type: 'text', text: body, ...ttl, ...registered };
}

function whatsappContent({ body, image, template }: OutgoingMessage): JsonObject | null {
  if (template)
    return {
      channel: 'whatsapp',
      message_type: 'template',
      whatsapp: { policy: 'deterministic', locale: template.language ?? LANGUAGE },
      template: { name: template.name, parameters: template.variables },
    };
  if (image)
    return { channel: 'whatsapp', message_type: 'image', image: { url: image, ...(body && { caption: body }) } };
  return body ? { channel: 'whatsapp', message_type: 'text', text: body } : null;
}

/** E.164 without its plus, as Vonage wants it; a name stays. */
function withoutPlus(address: string): string {
  return address.replace(/^\+(?=\d)/, '');
}

function refused(reason: string, detail: string): SendOutcome {
  return { kind: 'rejected', reason, detail, retryable: false };
}
