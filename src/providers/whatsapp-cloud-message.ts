/** A message as the WhatsApp Cloud API wants it: `POST /{version}/{phone number id}/messages` (docs/providers/whatsapp-cloud.md). */
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import { fileNameOf, mediaKindOf } from './media-kind.ts';

/** What a message is completed with. */
export interface MessageDefaults {
  /** Of templates that name none. */
  language: string;
  /** Whether the first link of a text is shown with a preview. */
  previewUrl: boolean;
}

/** The request's body; null when the message says nothing that could be sent. */
export function messageBody(message: OutgoingMessage, defaults: MessageDefaults): JsonObject | null {
  const content = contentOf(message, defaults);
  if (content === null) return null;
  return {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: message.to,
    ...content,
    // Every status of this message comes back with it, also one that overtakes the answer.
    biz_opaque_callback_data: message.messageId,
  };
}

function contentOf(message: OutgoingMessage, defaults: MessageDefaults): JsonObject | null {
  const { template, image, body } = message;
  if (template) {
    const language = { code: template.language ?? defaults.language };
    const components = componentsOf(message, template.variables);
    return {
      type: 'template',
      template: { name: template.name, language, ...(components.length > 0 && { components }) },
    };
  }
  if (image) {
    const kind = mediaKindOf(image);
    return { type: kind, [kind]: { ...mediaOf(image), ...(body && { caption: body }) } };
  }
  return body ? { type: 'text', text: { preview_url: defaults.previewUrl, body } } : null;
}

/** What fills a template: the header's medium, the body's variables (numbered ones, then named ones), the first button's address. */
function componentsOf({ image, url, data }: OutgoingMessage, variables: string[]): JsonObject[] {
  const numbered = variables.map((text): JsonObject => ({ type: 'text', text }));
  const named = Object.entries(data ?? {}).map(([name, text]) => ({ type: 'text', parameter_name: name, text }));
  const parameters = [...numbered, ...named];
  return [
    ...(image
      ? [{ type: 'header', parameters: [{ type: mediaKindOf(image), [mediaKindOf(image)]: mediaOf(image) }] }]
      : []),
    ...(parameters.length > 0 ? [{ type: 'body', parameters }] : []),
    ...(url ? [{ type: 'button', sub_type: 'url', index: '0', parameters: [{ type: 'text', text: url }] }] : []),
  ];
}

function mediaOf(link: string): JsonObject {
  const filename = mediaKindOf(link) === 'document' ? fileNameOf(link) : null;
  return { link, ...(filename !== null && { filename }) };
}
