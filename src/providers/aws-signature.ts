/**
 * AWS Signature Version 4, for requests that have no query
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
 */
import { createHash, createHmac } from 'node:crypto';
import type { Instant } from '#domain/time.ts';

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** Whose requests, and of which service. */
export interface AwsScope {
  accessKeyId: string;
  secretAccessKey: string;
  /** With temporary credentials only. */
  sessionToken: string | null;
  region: string;
  /** `ses`, … */
  service: string;
}

/** What is signed of a request. */
export interface SignableRequest {
  method: string;
  /** Of letters, digits, `/`, `-`, `_`, `.` and `~` alone; others would have to be encoded. */
  path: string;
  /** Names in lower case, `host` among them. All of them are signed. */
  headers: Record<string, string>;
  /** 64 hex digits in lower case. */
  bodySha256: string;
}

/** The headers that a signature adds to the request. */
export type SignatureHeaders = Record<'x-amz-date' | 'authorization', string> & { 'x-amz-security-token'?: string };

/** Signs requests. The key that signs is derived once a day. */
export function awsSigner(scope: AwsScope): (request: SignableRequest, now: Instant) => SignatureHeaders {
  let key: { day: string; bytes: Buffer } = { day: '', bytes: Buffer.alloc(0) };
  return ({ method, path, headers, bodySha256 }, now) => {
    // 20150830T123600Z
    const at = `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
    const day = at.slice(0, 8);
    if (key.day !== day) key = { day, bytes: keyOfDay(scope, day) };
    const added = {
      'x-amz-date': at,
      ...(scope.sessionToken !== null && { 'x-amz-security-token': scope.sessionToken }),
    };
    const signed = Object.entries({ ...headers, ...added }).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const names = signed.map(([name]) => name).join(';');
    const lines = signed.map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/g, ' ')}\n`).join('');
    const canonical = `${method}\n${path}\n\n${lines}\n${names}\n${bodySha256}`;
    const range = `${day}/${scope.region}/${scope.service}/aws4_request`;
    const signature = hmac(key.bytes, `${ALGORITHM}\n${at}\n${range}\n${sha256(canonical)}`).toString('hex');
    const credential = `${scope.accessKeyId}/${range}`;
    return {
      ...added,
      authorization: `${ALGORITHM} Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
    };
  };
}

/** The digest of a body, as a signature wants it. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function keyOfDay({ secretAccessKey, region, service }: AwsScope, day: string): Buffer {
  return [day, region, service, 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${secretAccessKey}`));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
