/** Files that go with an e-mail: named by their content, which the file store has. */

/** A file of a call, a batch or a campaign. What is in it is stored once for all that name it. */
export interface Attachment {
  /** As the recipient sees it. */
  name: string;
  /** Its media type, such as `application/pdf`. */
  type: string;
  /** Of its content, 64 hex digits in lower case. */
  sha256: string;
  sizeBytes: number;
}

/** Files of one message: the call's and the campaign's together. */
export const ATTACHMENTS_MAX = 20;
/** Bytes of one file, and of all files of one call. */
export const ATTACHED_BYTES_MAX = 104_857_600;
/** Characters of a file's name. */
const ATTACHMENT_NAME_LENGTH_MAX = 255;
/** What a file is of which nothing is said. */
export const UNKNOWN_TYPE = 'application/octet-stream';

/** A type and a subtype (RFC 6838), and parameters such as `charset=utf-8`. */
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,64}(?:;[\t\x20-\x7e]{0,100})?$/;

/** What is wrong with a file's name, in words for its sender; null when it may be shown to a recipient. */
export function faultOfAttachmentName(name: string): string | null {
  if (name.length === 0 || name.length > ATTACHMENT_NAME_LENGTH_MAX) {
    return `must have 1 to ${ATTACHMENT_NAME_LENGTH_MAX} characters`;
  }
  if (/[/\\\p{Cc}]/u.test(name) || !name.isWellFormed())
    return 'must have no slashes, backslashes and control characters';
  return name === '.' || name === '..' ? 'must be a name, not a folder' : null;
}

/** The media type, or null for what is none. */
export function mediaTypeOf(text: string): string | null {
  return MEDIA_TYPE.test(text) ? text : null;
}

/** What is wrong with the number of files that a message would have; null when it may be sent. */
export function faultOfAttachmentCount(count: number): string | null {
  if (count <= ATTACHMENTS_MAX) return null;
  return `a message would have ${count} files; at most ${ATTACHMENTS_MAX} are allowed, the campaign's and the call's together`;
}

/** What a file with this ending probably is, where nobody says it. */
const TYPES: Record<string, string> = {
  csv: 'text/csv',
  doc: 'application/msword',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  gif: 'image/gif',
  htm: 'text/html',
  html: 'text/html',
  ics: 'text/calendar',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  pdf: 'application/pdf',
  pkpass: 'application/vnd.apple.pkpass',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain',
  webp: 'image/webp',
  xls: 'application/vnd.ms-excel',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  xml: 'application/xml',
  zip: 'application/zip',
};

/** The media type that a file's name lets one guess. */
export function typeByName(name: string): string {
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return Object.hasOwn(TYPES, ending) ? TYPES[ending]! : UNKNOWN_TYPE;
}
