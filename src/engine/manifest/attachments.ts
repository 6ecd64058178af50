/**
 * The files of a campaign's e-mail as a manifest and the API write them, read and written. A new one comes with its content; one
 * that is shown has the content's hash instead, by which it can be given back.
 */
import {
  ATTACHED_BYTES_MAX,
  ATTACHMENTS_MAX,
  UNKNOWN_TYPE,
  faultOfAttachmentName,
  mediaTypeOf,
  typeByName,
} from '#domain/attachment.ts';
import type { Attachment } from '#domain/attachment.ts';
import type { JsonObject } from '#domain/request.ts';
import { fileOfText } from '../base64-file.ts';
import type { Path } from './faults.ts';
import { below, blame, integerOf, listOf, mapOf, refuseUnknown, required, textOf } from './reading.ts';
import type { Place } from './reading.ts';

/** Characters of a content in base64: a manifest as a whole has its own, smaller limit. */
const DATA_LENGTH_MAX = 2 * ATTACHED_BYTES_MAX;
const SHA256 = /^[0-9a-f]{64}$/;

/** A file that was read, and where. */
export interface FileDraft {
  path: Path;
  attachment: Attachment;
  /** What is in it; null: it is in the store already, or so it is said. */
  pieces: Buffer[] | null;
}

/** Reads the list of files there; those with faults are missing. */
export function readAttachments(place: Place): FileDraft[] {
  return (listOf(place, ATTACHMENTS_MAX) ?? []).flatMap((one) => {
    const map = mapOf(one);
    return (map && readFile(map)) ?? [];
  });
}

function readFile(map: Place<JsonObject>): FileDraft | undefined {
  refuseUnknown(map, ['name', 'type', 'data', 'sha256', 'sizeBytes']);
  const namePlace = required(below(map, 'name'), 'give the name that recipients see, such as "terms.pdf"');
  const name = textOf(namePlace);
  const fault = name === undefined ? null : faultOfAttachmentName(name);
  if (fault !== null) blame(namePlace, fault);
  const type = readType(below(map, 'type'));
  const hasData = below(map, 'data').value !== undefined;
  const content = hasData ? readData(map) : readStored(map);
  if (name === undefined || fault !== null || !content) return undefined;
  const { sha256, sizeBytes, pieces } = content;
  const known = type ?? content.type ?? typeByName(name);
  return { path: map.path, attachment: { name, type: mediaTypeOf(known) ?? UNKNOWN_TYPE, sha256, sizeBytes }, pieces };
}

function readType(place: Place): string | undefined {
  const type = textOf(place);
  if (type === undefined) return undefined;
  return mediaTypeOf(type) ?? blame(place, 'must be a media type such as "application/pdf"');
}

interface Content extends Pick<Attachment, 'sha256' | 'sizeBytes'> {
  type: string | null;
  pieces: Buffer[] | null;
}

function readData(map: Place<JsonObject>): Content | undefined {
  for (const key of ['sha256', 'sizeBytes']) {
    if (below(map, key).value !== undefined)
      blame(below(map, key), 'stands beside "data", which says it; leave it out');
  }
  const place = below(map, 'data');
  const text = textOf(place, DATA_LENGTH_MAX);
  if (text === undefined) return undefined;
  const { fault, ...file } = fileOfText(text);
  if (fault !== null) return blame(place, fault);
  return file.sizeBytes > 0 ? file : blame(place, 'is empty; give the content of the file, or leave the file out');
}

function readStored(map: Place<JsonObject>): Content | undefined {
  const hash = below(map, 'sha256');
  if (hash.value === undefined)
    return blame(below(map, 'data'), 'is missing; give the content of the file in base64, or as a data URL');
  const sha256 = textOf(hash);
  const sizeBytes = integerOf(required(below(map, 'sizeBytes'), 'give it as it was shown'), 1, ATTACHED_BYTES_MAX);
  if (sha256 === undefined || sizeBytes === undefined) return undefined;
  if (!SHA256.test(sha256)) return blame(hash, 'must be 64 hex digits, as they were shown');
  return { sha256, sizeBytes, type: null, pieces: null };
}

/** Files as a manifest writes them. */
export function attachmentsView(attachments: readonly Attachment[]): JsonObject[] {
  return attachments.map((attachment) => ({ ...attachment }));
}
