/** Requests to vendors whose JSON has files in it, as base64: written a slice at a time, never there as one long text. */
import type { OutgoingFile } from '#ports/provider.ts';
import type { Json } from '#domain/request.ts';
import { markFiles, withFiles } from './http-files.ts';
import type { VendorRequest } from './vendor-call.ts';

/**
 * The request with this JSON as its body.
 * @param compose makes the JSON; `base64` of a file is to stand in it as it is.
 * @throws what reading a file throws.
 */
export async function jsonRequest(
  path: string,
  headers: Record<string, string>,
  files: readonly OutgoingFile[] | null,
  compose: (files: { name: string; type: string; base64: string }[]) => Json,
): Promise<VendorRequest> {
  const request = { method: 'POST' as const, path, headers: { 'content-type': 'application/json', ...headers } };
  if (!files?.length) return { ...request, body: JSON.stringify(compose([])) };
  const marked = markFiles(files);
  const body = JSON.stringify(compose(marked.context as { name: string; type: string; base64: string }[]));
  return withFiles({ ...request, body }, marked, null);
}
