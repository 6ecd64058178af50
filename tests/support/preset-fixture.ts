/** What a preset is held against: the vendor's documented answers and callbacks, written down in tests/fixtures/presets (presets/README.md). */
import { readFile, readdir } from 'node:fs/promises';
import { parse } from 'yaml';
import type { Json } from '#domain/request.ts';
import type { OutgoingMessage, Receipt, SendOutcome } from '#ports/provider.ts';

const FOLDER = new URL('../fixtures/presets/', import.meta.url);
/** What stands for them in a fixture. */
const PLACEHOLDERS = {
  '<message id>': '018f0000-0000-7000-8000-000000010007',
  '<receipt url>': 'https://carom.example/v1/receipts/p/s3cret?message=018f0000-0000-7000-8000-000000010007',
};

/** The message's own, in every case. */
export const MESSAGE_ID = PLACEHOLDERS['<message id>'];
/** As above. */
export const RECEIPT_URL = PLACEHOLDERS['<receipt url>'];

/** A body in one of the forms that vendors use. */
interface Body {
  json?: Json;
  form?: Record<string, string>;
  text?: string;
}

/** One preset's cases. */
export interface PresetFixture {
  /** What it is applied with. */
  environment: Record<string, string>;
  /** Scheme and host that its requests go to. */
  origin: string;
  /** Messages, and the requests that they must become. `form` and `json` are compared whole, `headers` those that are named. */
  requests: (Body & {
    what: string;
    message?: Partial<OutgoingMessage>;
    method: string;
    path: string;
    headers?: Record<string, string>;
  })[];
  /** Answers of the vendor (status 200 where none is named), and the outcomes that they must become. Without `detail` any will do. */
  answers: (Body & { what: string; status?: number; headers?: Record<string, string>; outcome: SendOutcome })[];
  /** Callbacks (to the receipt URL of the one message, unless `query` says otherwise) and what they must report; `refused`: they cannot be read. */
  callbacks?: (Body & { what: string; query?: Record<string, string>; receipts?: Receipt[]; refused?: true })[];
}

/** The presets that have one. */
export async function fixtureNames(): Promise<string[]> {
  return (await readdir(FOLDER)).map((file) => file.replace(/\.yaml$/, '')).toSorted();
}

/** @param name the preset's. */
export async function readFixture(name: string): Promise<PresetFixture> {
  let text = await readFile(new URL(`${name}.yaml`, FOLDER), 'utf8');
  for (const [placeholder, value] of Object.entries(PLACEHOLDERS)) text = text.replaceAll(placeholder, value);
  return parse(text) as PresetFixture;
}

/** The body's bytes, and their media type. */
export function bytesOf({ json, form, text }: Body): { raw: Buffer; contentType: string; parsed: Json } {
  if (form !== undefined)
    return {
      raw: Buffer.from(new URLSearchParams(form).toString()),
      contentType: 'application/x-www-form-urlencoded',
      parsed: form,
    };
  if (text !== undefined) return { raw: Buffer.from(text), contentType: 'text/html', parsed: text };
  return { raw: Buffer.from(JSON.stringify(json ?? null)), contentType: 'application/json', parsed: json ?? null };
}
