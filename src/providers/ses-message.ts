/**
 * A message as Amazon SES takes it (`SendEmail` of its API v2,
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html). SES makes the MIME of it, headers and files included.
 */
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import { encodeWords } from 'nodemailer/lib/mime-funcs';
import type { NamedAddress } from './mail-address.ts';
import type { MailAddresses } from './mail-parties.ts';

/** Characters of an encoded word's content; with its marks it stays below the 75 of RFC 2047 §2. */
const ENCODED_WORD_LENGTH_MAX = 52;

/** The tag that carries our message id through SES's events. Tags are letters, digits, `_` and `-`. */
export const MESSAGE_TAG = 'carom_message';

/** What of a provider's settings goes into each of its messages. */
export interface SesEnvelope {
  /** For campaigns that have no `from`. */
  from: NamedAddress | null;
  /** The identity of another AWS account that lets this one send in its name. */
  fromArn: string | null;
  configurationSet: string | null;
}

/** The body of the call. @param files with their content in base64. */
export function sendEmailOf(
  message: OutgoingMessage,
  { from, to, replyTo }: MailAddresses,
  { fromArn, configurationSet }: SesEnvelope,
  files: { name: string; type: string; base64: string }[],
): JsonObject {
  const { subject, body, html, headers, messageId } = message;
  return {
    FromEmailAddress: headerOf(from),
    ...(fromArn !== null && { FromEmailAddressIdentityArn: fromArn }),
    Destination: { ToAddresses: [to] },
    ...(replyTo && { ReplyToAddresses: [headerOf(replyTo)] }),
    Content: {
      Simple: {
        Subject: textOf(subject ?? ''),
        Body: { ...(body && { Text: textOf(body) }), ...(html && { Html: textOf(html) }) },
        ...(headers && { Headers: Object.entries(headers).map(([Name, Value]) => ({ Name, Value })) }),
        ...(files.length > 0 && { Attachments: files.map(attachmentOf) }),
      },
    },
    EmailTags: [{ Name: MESSAGE_TAG, Value: messageId }],
    ...(configurationSet !== null && { ConfigurationSetName: configurationSet }),
  };
}

function textOf(text: string): JsonObject {
  return { Data: text, Charset: 'UTF-8' };
}

/** SES would write files as 7 bit unless it is told not to. */
function attachmentOf({ name, type, base64 }: { name: string; type: string; base64: string }): JsonObject {
  return {
    FileName: name,
    ContentType: type,
    ContentDisposition: 'ATTACHMENT',
    ContentTransferEncoding: 'BASE64',
    RawContent: base64,
  };
}

/** A name that is not plain ASCII goes in encoded words (RFC 2047), as SES wants it. */
function headerOf({ name, address }: NamedAddress): string {
  if (name === '') return address;
  const isPlain = /^[\x20-\x7e]*$/.test(name);
  const phrase = isPlain ? `"${name.replaceAll(/["\\]/g, '\\$&')}"` : encodeWords(name, 'B', ENCODED_WORD_LENGTH_MAX);
  return `${phrase} <${address}>`;
}
