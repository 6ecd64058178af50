/** Altcraft's envelope: what answers and errors look like, in JSON and in XML. Vendor page: API interaction. */
import type { Json, JsonObject } from '#domain/request.ts';
import type { Breathe } from '../json-in-slices.ts';
import { sentence } from '../call-fields.ts';
import type { BodyFault, Refusal, RefusalKind } from '../refusal.ts';

/** Where the vendor's calls come in; what looks like one is answered in its words. */
export const ALTCRAFT_URL = /^\/api\/v1\.1(?:[/?]|$)/;

export const FORMATS = ['json', 'xml'] as const;
/** How a call is answered. */
export type Format = (typeof FORMATS)[number];

/** The media type of an answer. */
export const TYPE_OF: Record<Format, string> = {
  json: 'application/json; charset=utf-8',
  xml: 'application/xml; charset=utf-8',
};

/** What the vendor says to a body that is too large, to the letter. */
export const TOO_LARGE = 'http: request body too large';

/** The vendor's texts for its codes, and ours in its manner for those that it does not name. */
const ERROR_TEXTS: Partial<Record<RefusalKind, string>> = {
  unauthorized: 'API token required',
  forbidden: 'No access',
  not_found: 'Not found',
  method_not_allowed: 'Method not allowed',
  rate_limited: 'Too many requests',
  internal: 'Internal error',
  unavailable: 'Service unavailable',
};
const ERROR_TEXT_DEFAULT = 'Invalid request';

/** The answer to a call that was taken. */
export function successAnswer(more: JsonObject): JsonObject {
  return { error: 0, error_text: 'Successful operation', ...more };
}

/** A refusal; the HTTP status is the code. */
export function errorAnswer({ kind, status, message, faults }: Refusal): JsonObject {
  const debug = faults.length > 1 ? faults.map(sentence).join('; ') : message;
  return { error: status, error_debug: debug, error_text: ERROR_TEXTS[kind] ?? ERROR_TEXT_DEFAULT };
}

/** What a call that was taken says of its rows that were not; nothing where all were. */
export function debugOfBadRows({ count, faults }: { count: number; faults: BodyFault[] }): JsonObject {
  if (count === 0) return {};
  const rows = count === 1 ? '1 row was' : `${count} rows were`;
  return { error_debug: `${rows} left out: ${faults.map(sentence).join('; ')}` };
}

/** A refusal as JSON, where nothing says that it should be XML. */
export function refusalAnswer(refusal: Refusal): { body: unknown; type: string } {
  return { body: written(errorAnswer(refusal), 'json'), type: TYPE_OF.json };
}

/** An answer as text. */
export function written(answer: JsonObject, format: Format): string {
  return format === 'json' ? JSON.stringify(answer) : element('xml', answer);
}

/** The answer that names profiles; as many as there may be are written little by little. @param more stands before them. */
export async function writtenList(
  ids: Iterable<string>,
  more: JsonObject,
  format: Format,
  breathe: Breathe,
): Promise<string> {
  const parts: string[] = [];
  for (const id of ids) {
    parts.push(
      format === 'json'
        ? `{"profile_id":${JSON.stringify(id)}}`
        : `<result><profile_id>${escaped(id)}</profile_id></result>`,
    );
    const pause = breathe();
    if (pause) await pause;
  }
  const whole = written(successAnswer({ ...more, result: [] }), format);
  const [before, after] = format === 'json' ? [whole.slice(0, -2), ']}'] : [whole.slice(0, -'</xml>'.length), '</xml>'];
  return `${before}${parts.join(format === 'json' ? ',' : '')}${after}`;
}

/** A list is its element, repeated; what is null is an empty one. */
function element(name: string, value: Json): string {
  if (Array.isArray(value)) return value.map((one) => element(name, one)).join('');
  const inner =
    typeof value === 'object' && value !== null
      ? Object.entries(value)
          .map(([key, child]) => element(key, child))
          .join('')
      : escaped(String(value ?? ''));
  return `<${name}>${inner}</${name}>`;
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };

const SPECIAL = /[^\t\n -%'-;=?-\ud7ff]/;

/** What XML 1.0 cannot say at all becomes U+FFFD. */
function escaped(text: string): string {
  if (!SPECIAL.test(text)) return text;
  return text
    .replace(/[&<>\r]/g, (character) => ESCAPES[character]!)
    .replace(/[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
}
