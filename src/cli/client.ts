/** Talks to a running server, over its public API alone. */
import { CommandFailure, messageOf, usage } from './failure.ts';
import type { Key } from './key.ts';

/** A request that takes longer has failed. */
const REQUEST_TIMEOUT_MS = 30_000;
/** An upload of which nothing more is taken for so long, or whose answer does not come, has failed. */
const UPLOAD_STALL_MS = 120_000;
/** Pages of a list that are read, at most. */
const PAGES_MAX = 500;
/** Items asked for at a time. */
const PAGE_LIMIT = 200;

/** What a request may carry. `query` leaves out what is undefined. */
export interface RequestParts {
  query?: Record<string, string | undefined>;
  /** Sent as JSON. */
  body?: unknown;
}

/** A body that is sent piece by piece. */
export interface UploadParts {
  query: Record<string, string | undefined>;
  headers: Record<string, string>;
  pieces(): AsyncIterable<Uint8Array>;
}

/** A success. `body` is what the JSON said; null for an empty body. */
export interface Answer {
  headers: Headers;
  body: unknown;
}

/** One server, with a key and, for the operator's, an account. */
export interface Client {
  readonly url: string;
  readonly key: Key;
  /** @throws {ServerAbsent}, {ServerRefusal}. */
  request(method: string, path: string, parts?: RequestParts): Promise<Answer>;
  /** Posts what may be large. @throws the same. */
  upload(path: string, parts: UploadParts): Promise<Answer>;
}

/** Nobody answers there. */
export class ServerAbsent extends CommandFailure {}

/** One fault of a refused body. */
export interface RefusedField {
  path: (string | number)[];
  message: string;
}

/** The server said no, in problem+json. */
export class ServerRefusal extends CommandFailure {
  readonly status: number;
  readonly fields: readonly RefusedField[];

  constructor(status: number, message: string, fields: readonly RefusedField[]) {
    const lines = fields.filter((field) => !message.endsWith(field.message)).map((field) => `  ${describe(field)}`);
    super(message, { lines });
    this.status = status;
    this.fields = fields;
  }
}

/** A client; nothing is sent before the first request. */
export function createClient({ url, key, account }: { url: string; key: Key; account: string | null }): Client {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (key.value !== null) headers['authorization'] = `Bearer ${key.value}`;
  if (account !== null) headers['carom-account'] = account;

  async function request(method: string, path: string, { query = {}, body }: RequestParts = {}): Promise<Answer> {
    return exchanged(path, query, {
      method,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
  }

  async function exchanged(path: string, query: RequestParts['query'] & object, options: RequestInit): Promise<Answer> {
    const address = new URL(url + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) address.searchParams.set(name, value);
    const { response, text } = await exchange(url, address, options);
    const parsed = text === '' ? null : parse(text);
    if (!response.ok) throw refusal(response.status, parsed, key);
    if (parsed === undefined)
      throw new CommandFailure(`what answers at ${url} does not speak JSON: is it Carom? Name another with --url`);
    return { headers: response.headers, body: parsed };
  }

  async function upload(path: string, parts: UploadParts): Promise<Answer> {
    const stalled = new AbortController();
    const timeout = new DOMException('stalled', 'TimeoutError');
    const timer = setTimeout(() => stalled.abort(timeout), UPLOAD_STALL_MS);
    try {
      return await exchanged(path, parts.query, {
        method: 'POST',
        headers: { ...headers, ...parts.headers },
        body: ReadableStream.from(tapped(parts.pieces(), () => timer.refresh())),
        duplex: 'half',
        signal: stalled.signal,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  return { url, key, request, upload };
}

async function* tapped<Piece>(pieces: AsyncIterable<Piece>, onPiece: () => void): AsyncGenerator<Piece> {
  for await (const piece of pieces) {
    onPiece();
    yield piece;
  }
}

async function exchange(
  url: string,
  address: URL,
  options: RequestInit,
): Promise<{ response: Response; text: string }> {
  try {
    const response = await fetch(address, options);
    return { response, text: await response.text() };
  } catch (error) {
    const { name, cause } = error as Error & { cause?: NodeJS.ErrnoException };
    if (name === 'TimeoutError') {
      throw new ServerAbsent(
        `${url} did not answer within ${(options.duplex ? UPLOAD_STALL_MS : REQUEST_TIMEOUT_MS) / 1000} s; look at the server's log, or try again`,
        { cause: error },
      );
    }
    const why = cause?.code ?? (cause ? messageOf(cause) : messageOf(error));
    const remedy = 'start it with "npm start" or "carom start", or name it with --url';
    throw new ServerAbsent(`no Carom answers at ${url} (${why}): ${remedy}`, { cause: error });
  }
}

/** Undefined: it is no JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the caller says what that means
  }
}

function refusal(status: number, body: unknown, key: Key): ServerRefusal {
  const { detail, title, errors } = Object(body) as { detail?: unknown; title?: unknown; errors?: unknown };
  const said =
    typeof detail === 'string' ? detail : typeof title === 'string' ? title : `the server answered ${status}`;
  const fields = Array.isArray(errors) ? (errors as RefusedField[]).filter(({ path }) => Array.isArray(path)) : [];
  if (status === 401) return new ServerRefusal(status, `${said} (${key.origin})`, fields);
  // The server speaks of headers; here it is an option.
  return new ServerRefusal(status, said.replace('in the header carom-account', 'with --account'), fields);
}

function describe({ path, message }: RefusedField): string {
  return path.length === 0 ? message : `${fieldName(path)}: ${message}`;
}

/** `campaigns[0].provider` */
export function fieldName(path: readonly (string | number)[]): string {
  return path.map((part, n) => (/^\d+$/.test(String(part)) ? `[${part}]` : `${n === 0 ? '' : '.'}${part}`)).join('');
}

/** All of a list, page after page. */
export async function listAll<Item>(client: Client, path: string): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page++) {
    const { body } = await client.request('GET', path, { query: { limit: String(PAGE_LIMIT), cursor } });
    const { data, next } = body as { data: Item[]; next: string | null };
    items.push(...data);
    if (next === null || next === undefined) return items;
    cursor = next;
  }
  throw new CommandFailure(`there are more than ${items.length}; ask the API for them page by page`);
}

/** The address without a trailing slash. @throws {CommandFailure} usage. */
export function serverUrl(text: string): string {
  const isUrl = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  if (!isUrl) throw usage(`--url (or CAROM_URL) must be an address such as http://127.0.0.1:8080, not "${text}"`);
  return text.replace(/\/+$/, '');
}
