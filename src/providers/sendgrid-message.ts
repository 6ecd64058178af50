/** A message as SendGrid takes it (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send). */
import type { Json, JsonObject } from '#domain/request.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import type { NamedAddress } from './mail-address.ts';
import type { MailAddresses } from './mail-parties.ts';

/** The argument that carries our message id through SendGrid's events. */
export const MESSAGE_ARGUMENT = 'carom_message';

/** Carom has its own links and its own page to unsubscribe (docs/tracking.md): SendGrid is to leave the message as it is. */
const NO_TRACKING = {
  click_tracking: { enable: false, enable_text: false },
  open_tracking: { enable: false },
  subscription_tracking: { enable: false },
  ganalytics: { enable: false },
};

/** What of a provider's settings goes into each of its messages. */
export interface SendgridMailSettings {
  /** Names the pool of IP addresses that sends. */
  ipPool: string | null;
  /** SendGrid checks the message and sends nothing. */
  isSandboxed: boolean;
}

/** The body of the call. @param files with their content in base64. */
export function mailSendOf(
  message: OutgoingMessage,
  { from, to, replyTo }: MailAddresses,
  { ipPool, isSandboxed }: SendgridMailSettings,
  files: { name: string; type: string; base64: string }[],
): JsonObject {
  const { subject, body, html, headers, messageId } = message;
  // The plain text has to come first.
  const content: Json[] = [];
  if (body) content.push({ type: 'text/plain', value: body });
  if (html) content.push({ type: 'text/html', value: html });
  return {
    personalizations: [{ to: [{ email: to }], custom_args: { [MESSAGE_ARGUMENT]: messageId } }],
    from: mailboxOf(from),
    ...(replyTo && { reply_to: mailboxOf(replyTo) }),
    subject: subject ?? '',
    content,
    ...(headers && { headers }),
    ...(files.length > 0 && { attachments: files.map(attachmentOf) }),
    ...(ipPool !== null && { ip_pool_name: ipPool }),
    ...(isSandboxed && { mail_settings: { sandbox_mode: { enable: true } } }),
    tracking_settings: NO_TRACKING,
  };
}

function mailboxOf({ name, address }: NamedAddress): JsonObject {
  return name === '' ? { email: address } : { email: address, name };
}

function attachmentOf({ name, type, base64 }: { name: string; type: string; base64: string }): JsonObject {
  return { filename: name, type, content: base64, disposition: 'attachment' };
}
