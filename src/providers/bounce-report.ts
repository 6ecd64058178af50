/** Takes a mail apart that may be a report (RFC 6522): the part for machines, and every place where a mark of ours can stand. */
import PostalMime from 'postal-mime';
import type { Attachment, Email } from 'postal-mime';

/** Bytes of a mail that are read: a report's parts come before the mail that it returns, and of that the headers do. */
const REPORT_BYTES_MAX = 131_072;
/** Lines of these: each may be a header or a part, which cost more than bytes do. */
const REPORT_LINES_MAX = 4_000;
const DEPTH_MAX = 10;
/** Characters of the part for machines. */
const FIELDS_LENGTH_MAX = 65_536;

/** Names in lower case; of a field that comes several times, the first. */
export type Fields = ReadonlyMap<string, string>;

/** What a mail reports. */
export interface MailReport {
  /** `other`: a mail, but not one that machines report with. */
  kind: 'delivery' | 'feedback' | 'other';
  /** The groups of fields: of a delivery report, the first is about the message and the others about a recipient each. */
  groups: Fields[];
  /** Texts in which the reported message may be named, the surest first. */
  traces: string[];
}

const KINDS: Record<string, 'delivery' | 'feedback'> = {
  'message/delivery-status': 'delivery',
  'message/global-delivery-status': 'delivery',
  'message/feedback-report': 'feedback',
};
/** What is returned of the reported mail (RFC 3462, RFC 6533). */
const RETURNED = [
  'message/rfc822',
  'text/rfc822-headers',
  'message/global',
  'message/global-headers',
  'message/rfc822-headers',
];

/** Null: not a mail at all. @param raw its beginning is enough. */
export async function readReport(raw: Buffer): Promise<MailReport | null> {
  const beginning = beginningOf(raw);
  if (!/^(?:From [^\n]*\n)?[A-Za-z][A-Za-z0-9-]{0,75}[ \t]*:/.test(beginning.subarray(0, 1_000).toString('latin1')))
    return null;
  const mail = await parse(beginning);
  if (!mail) return null;
  const machine = mail.attachments.find(({ mimeType }) => mimeType in KINDS);
  const groups = machine ? groupsOf(textOf(machine)) : [];
  const returned = mail.attachments.filter(({ mimeType }) => RETURNED.includes(mimeType)).map(textOf);
  return {
    kind: machine ? KINDS[machine.mimeType]! : 'other',
    groups,
    traces: [...recipientsOf(mail), ...groups.flatMap((fields) => [...fields.values()]), ...returned.map(headersOf)],
  };
}

function beginningOf(raw: Buffer): Buffer {
  const beginning = raw.subarray(0, REPORT_BYTES_MAX);
  let end = -1;
  for (let lines = 0; lines < REPORT_LINES_MAX; lines++) {
    end = beginning.indexOf(0x0a, end + 1);
    if (end === -1) return beginning;
  }
  return beginning.subarray(0, end + 1);
}

async function parse(beginning: Buffer): Promise<Email | null> {
  try {
    return await PostalMime.parse(beginning, {
      forceRfc822Attachments: true,
      maxNestingDepth: DEPTH_MAX,
      maxHeadersSize: REPORT_BYTES_MAX,
    });
  } catch {
    // Its limits: nothing that reports is nested so deep. What it says of the mail is of no use.
    return null;
  }
}

function textOf({ content }: Attachment): string {
  const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content as Uint8Array);
  return bytes.toString().slice(0, REPORT_BYTES_MAX);
}

/** To whom the report was sent, as the servers on its way noted it. */
function recipientsOf({ headers }: Email): string[] {
  const names = ['x-original-to', 'delivered-to', 'envelope-to', 'x-envelope-to', 'x-failed-recipients', 'to'];
  return names.flatMap((name) => headers.filter(({ key }) => key === name).map(({ value }) => value));
}

/** The header of a returned mail, unfolded; of its body nothing is looked at. */
function headersOf(returned: string): string {
  return unfolded(returned.split(/\r?\n\r?\n/, 1)[0]!);
}

function unfolded(text: string): string {
  return text.replaceAll(/\r?\n[ \t]+/g, ' ');
}

/** RFC 3464 §2.1: groups of header fields with blank lines between them. */
function groupsOf(text: string): Fields[] {
  return text
    .slice(0, FIELDS_LENGTH_MAX)
    .trim()
    .split(/(?:\r?\n[ \t]*){2,}/)
    .map((group) => fieldsOf(unfolded(group)))
    .filter(({ size }) => size > 0);
}

function fieldsOf(group: string): Fields {
  const fields = new Map<string, string>();
  for (const line of group.split(/\r?\n/)) {
    const [, name, value] = /^([!-9;-~]+)\s*:(.*)$/.exec(line) ?? [];
    if (name !== undefined && !fields.has(name.toLowerCase())) fields.set(name.toLowerCase(), value!.trim());
  }
  return fields;
}
