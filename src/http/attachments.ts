/**
 * Bodies with files in them, as every dialect reads them:
 *
 *     acceptBodiesWithFiles(scope, { member: 'attach', restMaxBytes: 10_485_760, parse });
 *       // parse(request, { rest: Buffer, kind: 'json' | 'xml', digest(): string }) reads the body without its files' contents
 *     const held = readAttachments(request, body.attach, { member: 'attach', nameKeys: ['header', 'name'] });
 *       // throws a Refusal that names the index
 *     const attachments = await keepAttachments(tools, account.id, held); // for TransactionRequest, BatchRequest; null: none
 *
 * The scope takes any Content-Type: what begins with `<` is `xml`, other bodies are `json`, and `multipart/form-data` is such a
 * body in one part and files in the others. Contents (`data` of the entries of the root's `member`) are taken out of the stream
 * while it comes in and decoded piece by piece; `request.body` has a mark in their place, which only `readAttachments` understands.
 */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  ATTACHED_BYTES_MAX,
  ATTACHMENTS_MAX,
  UNKNOWN_TYPE,
  faultOfAttachmentName,
  mediaTypeOf,
  typeByName,
} from '#domain/attachment.ts';
import type { Attachment } from '#domain/attachment.ts';
import type { AccountId } from '#domain/ids.ts';
import type { ApiTools } from './api-tools.ts';
import { fileOfText } from '#engine/base64-file.ts';
import type { HeldFile } from '#engine/held-file.ts';
import { readMultipart } from './files/multipart.ts';
import { HeldBytes, SiftedBody, countFiles, mostBytes, tooLarge } from './files/sifted-body.ts';
import type { BodyLimits, ReadBody } from './files/sifted-body.ts';
import { readStream } from './files/stream-reading.ts';
import { Refusal } from './refusal.ts';

/** Up to this size, in bytes, a body is read at once. */
const SMALL_BYTES_MAX = 65_536;
const MULTIPART = 'multipart/form-data';

/** What bodies a scope takes. */
export interface BodiesWithFiles {
  /** The member of the root in which files are. */
  member: string;
  /** Bytes without the contents of files. */
  restMaxBytes: number;
  /** Under which `Content-Type`; absent: any, and `multipart/form-data`. */
  type?: string;
  /** What `request.body` becomes. Not called for an empty body. */
  parse(request: FastifyRequest, body: ReadBody): unknown;
}

/** A file of a call, to be stored. */
export interface CallFile {
  attachment: Attachment;
  pieces: Buffer[];
}

/** The files of a request whose contents are not in its body any more: by their marks, and those of other parts. */
interface TakenOut {
  marked: ReadonlyMap<string, Omit<HeldFile, 'name'>>;
  parts: HeldFile[];
}

const takenOut = new WeakMap<FastifyRequest, TakenOut>();
const heldBytes = new WeakMap<FastifyRequest, HeldBytes>();

/** The scope takes such bodies and no others. */
export function acceptBodiesWithFiles(
  scope: FastifyInstance,
  { member, restMaxBytes, type, parse }: BodiesWithFiles,
): void {
  const limits: BodyLimits = { restMaxBytes, filesMaxBytes: ATTACHED_BYTES_MAX };
  const read = async (request: FastifyRequest, payload: Readable): Promise<unknown> => {
    const body = await readBody(request, payload, member, limits);
    return body.rest.length === 0 ? undefined : parse(request, body);
  };
  scope.removeAllContentTypeParsers();
  scope.addHook('onRequest', (request, reply, done) => {
    if (isHeld(request)) {
      const held = new HeldBytes();
      heldBytes.set(request, held);
      reply.raw.once('close', () => held.giveBack());
    }
    done();
  });
  scope.addContentTypeParser(type ?? '*', read);
  if (type === undefined) {
    scope.addContentTypeParser(MULTIPART, async (request: FastifyRequest, payload: Readable) => {
      const body = await readParts(request, payload, member, limits);
      return body.rest.length === 0 ? undefined : parse(request, body);
    });
  }
}

/** Whether the body is read piece by piece, and counts as something that this node holds. */
function isHeld({ headers }: FastifyRequest): boolean {
  if (headers['content-type']?.startsWith(MULTIPART)) return true;
  const length = headers['content-length'];
  return length === undefined ? headers['transfer-encoding'] !== undefined : Number(length) > SMALL_BYTES_MAX;
}

async function readBody(
  request: FastifyRequest,
  payload: Readable,
  member: string,
  limits: BodyLimits,
): Promise<ReadBody> {
  const held = heldBytes.get(request);
  if (!held) return readSmall(payload);
  refuseLong(request, limits);
  const body = new SiftedBody(member, limits, held);
  await readStream(payload, (chunk) => body.write(chunk));
  const read = body.end();
  takenOut.set(request, { marked: body.files, parts: [] });
  return read;
}

async function readSmall(payload: Readable): Promise<ReadBody> {
  const chunks: Buffer[] = [];
  await readStream(payload, (chunk) => chunks.push(chunk));
  const rest = Buffer.concat(chunks);
  const kind = /^[\s\xef\xbb\xbf]*</.test(rest.toString('latin1')) ? 'xml' : 'json';
  return { rest, kind, digest: () => createHash('sha1').update(rest).digest('base64') };
}

async function readParts(
  request: FastifyRequest,
  payload: Readable,
  member: string,
  limits: BodyLimits,
): Promise<ReadBody> {
  const held = heldBytes.get(request) ?? new HeldBytes();
  refuseLong(request, limits);
  const countFile = countFiles(limits, held);
  const body = new SiftedBody(member, limits, held, countFile);
  const call = (chunk: Buffer): void => body.write(chunk);
  const parts = await readMultipart(payload, request.headers, { call, countFile });
  const read = body.end(parts);
  takenOut.set(request, { marked: body.files, parts });
  return read;
}

/** Said at once: what is sent after that is not even looked at. */
function refuseLong({ headers }: FastifyRequest, limits: BodyLimits): void {
  if (Number(headers['content-length'] ?? 0) > mostBytes(limits)) throw tooLarge();
}

/** How files are written in a body. */
export interface AttachmentNames {
  member: string;
  /** Keys of which the first that is there has the file's name; absent: `name`. */
  nameKeys?: readonly string[];
}

/**
 * The files of a request: those of the list in its body, then those of other parts.
 * @param given what stands in the member; undefined and null: nothing.
 * @throws {Refusal} naming the first that cannot be taken, by its index, and why.
 */
export function readAttachments(
  request: FastifyRequest,
  given: unknown,
  { member, nameKeys = ['name'] }: AttachmentNames,
): CallFile[] {
  const { marked, parts } = takenOut.get(request) ?? { marked: new Map(), parts: [] };
  const list = given ?? [];
  if (!Array.isArray(list))
    throw refused([member], `must be a list of files such as {"${nameKeys[0]}": "a.pdf", "data": "<base64>"}`);
  const count = list.length + parts.length;
  if (count > ATTACHMENTS_MAX) throw refused([member], `has ${count} files; at most ${ATTACHMENTS_MAX} are allowed`);
  const inBody = list.map((entry, index) => fileOfEntry(entry, [member, index], nameKeys, marked));
  return [
    ...inBody,
    ...parts.map((part, index) => checked(part, part.type, [member, list.length + index], nameKeys[0]!)),
  ];
}

type Path = (string | number)[];

function fileOfEntry(entry: unknown, path: Path, nameKeys: readonly string[], marked: TakenOut['marked']): CallFile {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw refused(path, `must be a file such as {"${nameKeys[0]}": "a.pdf", "data": "<base64>"}`);
  }
  const file = entry as Record<string, unknown>;
  const nameKey = nameKeys.find((key) => file[key] !== undefined) ?? nameKeys[0]!;
  const unknown = Object.keys(file).find((key) => ![...nameKeys, 'data', 'type'].includes(key));
  if (unknown !== undefined) throw refused([...path, unknown], 'is not known; a file has a name, data and a type');
  const { [nameKey]: name, data, type } = file;
  if (typeof name !== 'string') throw refused([...path, nameKey], 'must be the name of the file, such as "a.pdf"');
  if (typeof data !== 'string')
    throw refused([...path, 'data'], 'must be the content of the file, in base64 or as a data URL');
  if (type !== undefined && typeof type !== 'string') throw refused([...path, 'type'], NO_TYPE);
  // XML may have blanks around it.
  const content = marked.get(data.trim()) ?? fileOfText(data);
  return checked({ ...content, name }, type ?? null, path, nameKey);
}

const NO_TYPE = 'must be a media type such as "application/pdf"';

/** @param type that the call says; null: the one that the content says, or what the name looks like. */
function checked(
  { name, type: own, fault, pieces, sha256, sizeBytes }: HeldFile,
  type: string | null,
  path: Path,
  nameKey: string,
): CallFile {
  const fileName = name ?? '';
  const faultOfName = faultOfAttachmentName(fileName);
  if (faultOfName !== null) throw refused([...path, nameKey], faultOfName);
  if (fault !== null) throw refused([...path, 'data'], fault);
  if (sizeBytes === 0)
    throw refused([...path, 'data'], 'is empty; give the content of the file, or leave the file out');
  const said = type ?? own ?? UNKNOWN_TYPE;
  const known = mediaTypeOf(said === UNKNOWN_TYPE ? typeByName(fileName) : said);
  if (known === null) throw refused([...path, 'type'], NO_TYPE);
  return { attachment: { name: fileName, type: known, sha256, sizeBytes }, pieces };
}

function refused(path: Path, message: string): Refusal {
  const where = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return new Refusal('invalid', `${where.slice(1)} ${message}`, { faults: [{ path, message }] });
}

/**
 * Stores the files, as late as possible: when all else of the call has been found right.
 * @returns what a request carries; null for none.
 */
export async function keepAttachments(
  { files, clock }: Pick<ApiTools, 'files' | 'clock'>,
  accountId: AccountId,
  held: readonly CallFile[],
): Promise<Attachment[] | null> {
  // One after the other: the largest pieces of each are in the hands of the database's connection.
  for (const { attachment, pieces } of held) {
    const { sha256, sizeBytes } = attachment;
    await files.put({ accountId, sha256, sizeBytes, pieces }, clock.now());
  }
  return attachmentsOf(held);
}

/** The same without storing anything. */
export function attachmentsOf(held: readonly CallFile[]): Attachment[] | null {
  return held.length === 0 ? null : held.map(({ attachment }) => attachment);
}
