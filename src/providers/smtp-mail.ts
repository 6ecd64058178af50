/** Makes the mail of a message (RFC 5322, MIME) and its envelope. */
import type { KeyObject } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import Dkim from 'nodemailer/lib/dkim';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { SMTPEnvelope } from 'nodemailer/lib/smtp-connection';
import type { Instant } from '#domain/time.ts';
import type { OutgoingFile, OutgoingMessage } from '#ports/provider.ts';
import { bounceAddress } from './bounce-address.ts';
import type { BounceMailbox, Marks } from './bounce-address.ts';
import { domainOf, readAddress, readNamedAddress } from './mail-address.ts';
import type { NamedAddress } from './mail-address.ts';

/** Bytes of a mail as it goes out. Servers take 10 to 50 MB; a mail is held in memory while it is handed over. */
const MAIL_BYTES_MAX = 67_108_864;
/** What base64 and its line ends make of a byte. */
const BASE64_GROWTH = 1.37;
const SUBJECT_LENGTH_MAX = 1_000;
const HEADER_NAME = /^[A-Za-z][A-Za-z0-9-]{0,75}$/;
// oxlint-disable-next-line no-control-regex -- because they are what is looked for
const HEADER_VALUE = /^[^\0-\x08\x0a-\x1f\x7f]{1,2000}$/;
/** RFC 6376 §5.4.1, and what RFC 8058 §4 wants signed for unsubscribing by one click. */
const SIGNED_HEADERS =
  'From:Sender:Reply-To:Subject:Date:Message-ID:To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding:In-Reply-To:References:List-Id:List-Unsubscribe:List-Unsubscribe-Post';

/** A mail ready to go. */
export interface Letter {
  kind: 'letter';
  envelope: SMTPEnvelope;
  mail: Buffer;
  /** Its Message-ID, without angle brackets. */
  id: string;
}

/** Why there is none. */
export interface Unwritable {
  kind: 'unwritable';
  reason: 'invalid_address' | 'invalid_sender' | 'invalid_content' | 'too_large';
  detail: string;
}

/** What writing needs of a provider. */
export interface Stationery {
  from: NamedAddress | null;
  dkim: { domain: string; selector: string; privateKey: KeyObject } | null;
  bounces: BounceMailbox | null;
  deliveryReports: boolean;
  marks: Marks;
}

/** Writes a message. Rejects only for a file that is missing. */
export async function writeLetter(
  message: OutgoingMessage,
  stationery: Stationery,
  now: Instant,
): Promise<Letter | Unwritable> {
  const to = readAddress(message.to);
  if (to === null) return unwritable('invalid_address', `"${message.to}" is not an address`);
  const from = senderOf(message.from, stationery.from);
  if (!from)
    return unwritable(
      'invalid_sender',
      `"${message.from ?? ''}" is not an address; name one as "from" of the campaign or of the provider`,
    );
  const replyTo = message.replyTo === null ? null : readNamedAddress(message.replyTo);
  if (message.replyTo !== null && !replyTo)
    return unwritable('invalid_content', `replyTo "${message.replyTo}" is not an address`);
  const headers = Object.entries(message.headers ?? {});
  const odd = headers.find(([name, value]) => !HEADER_NAME.test(name) || !HEADER_VALUE.test(value));
  if (odd) return unwritable('invalid_content', `the header "${odd[0]}" cannot stand in a mail`);
  if (sizeOf(message) > MAIL_BYTES_MAX)
    return unwritable('too_large', `the mail would have more than ${MAIL_BYTES_MAX} bytes`);

  const mark = stationery.marks.of(message.messageId);
  const id = `${mark}@${domainOf(from.address)}`;
  const unsigned = await new MailComposer({
    messageId: `<${id}>`,
    date: new Date(now),
    from,
    to: { name: '', address: to },
    ...(replyTo && { replyTo }),
    subject: subjectOf(message.subject),
    headers: headers.map(([key, value]) => ({ key, value: { prepared: true, foldLines: true, value } })),
    ...(message.body !== null && { text: message.body }),
    ...(message.html !== null && { html: message.html }),
    ...(message.body === null && message.html === null && { text: '' }),
    attachments: await Promise.all((message.attachments ?? []).map(attachmentOf)),
    newline: 'win',
    disableFileAccess: true,
    disableUrlAccess: true,
  })
    .compile()
    .build();
  const mail = stationery.dkim ? await signed(unsigned, stationery.dkim) : unsigned;
  return { kind: 'letter', id, mail, envelope: envelopeOf(from.address, to, mark, mail.length, stationery) };
}

function unwritable(reason: Unwritable['reason'], detail: string): Unwritable {
  return { kind: 'unwritable', reason, detail };
}

/** A sender without an address is a name for the provider's. */
function senderOf(given: string | null, own: NamedAddress | null): NamedAddress | null {
  if (given === null) return own;
  if (given.includes('@') || !own) return readNamedAddress(given);
  return readNamedAddress(`"${given.replaceAll(/["\\]/g, '')}" <${own.address}>`);
}

/** On one line: a template's line break would else begin the next header. */
function subjectOf(subject: string | null): string {
  return (subject ?? '').replaceAll(/\s+/g, ' ').trim().slice(0, SUBJECT_LENGTH_MAX);
}

function sizeOf({ body, html, attachments }: OutgoingMessage): number {
  const files = attachments?.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) ?? 0;
  return files * BASE64_GROWTH + (body?.length ?? 0) + (html?.length ?? 0);
}

async function attachmentOf({ name, type, content }: OutgoingFile) {
  // Forced, or a text file would get other line ends on its way.
  return { filename: name, contentType: type, content: await content(), contentTransferEncoding: 'base64' };
}

function signed(mail: Buffer, { domain, selector, privateKey }: NonNullable<Stationery['dkim']>): Promise<Buffer> {
  const signer = new Dkim({ domainName: domain, keySelector: selector, privateKey, headerFieldNames: SIGNED_HEADERS });
  return buffer(signer.sign(mail));
}

function envelopeOf(
  from: string,
  to: string,
  mark: string,
  size: number,
  { bounces, deliveryReports }: Stationery,
): SMTPEnvelope {
  if (!bounces) return { from, to: [to], size };
  // Only the headers come back: a bounce needs no second copy of what was sent (RFC 3461 §4.3).
  const notify = deliveryReports ? ['SUCCESS', 'FAILURE'] : ['FAILURE'];
  return {
    from: bounceAddress(bounces, mark),
    to: [to],
    size,
    dsn: { ret: 'HDRS', envid: mark, notify, orcpt: `rfc822;${to}` },
  };
}
