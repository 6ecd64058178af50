/** The way to Amazon SNS itself: its certificates, and the addresses at which a subscription is confirmed. Nowhere else. */
import { X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { CallbackDeferredError } from '#ports/provider.ts';
import type { ProviderTools } from '#ports/provider.ts';
import { exchange } from './http-exchange.ts';
import { originPools } from './origin-pools.ts';

/** For one call to SNS, in ms. */
const TIMEOUT_MS = 10_000;
/** Certificates that are kept. There is one for each region and year or so. */
const CERTIFICATES_MAX = 32;
/** Certificates that are being fetched at once. */
const FETCHES_MAX = 4;

/** `sns.<region>.amazonaws.com`. A bucket of S3 may be called `sns`, too: `sns.s3-us-west-2.amazonaws.com` is no region of SNS. */
const HOST = /^sns\.[a-z]{2,3}(?:-[a-z]+){1,2}-\d{1,2}\.amazonaws\.com(?:\.cn)?$/;
const CERTIFICATE_PATH = /^\/[\w.-]+\.pem$/;

/** What is asked of SNS. */
export interface SnsDoor {
  /**
   * The key of the certificate at an address; null where no certificate of SNS can be.
   * @throws {CallbackDeferredError} when it cannot be fetched now.
   */
  keyAt(url: string): Promise<KeyObject | null>;
  /**
   * Confirms a subscription; false where the address is none of SNS's, or SNS refuses.
   * @throws {CallbackDeferredError} when SNS cannot be reached now.
   */
  confirm(url: string): Promise<boolean>;
  /** Resolves when all calls are answered. */
  close(): Promise<void>;
}

/** A door with no certificates yet. */
export function snsDoor({ clock, connector }: Pick<ProviderTools, 'clock' | 'connector'>): SnsDoor {
  const pools = originPools(clock, connector);
  const keys = new Map<string, KeyObject>();
  const fetches = new Map<string, Promise<KeyObject | null>>();

  async function get({ origin, pathname, search }: URL): Promise<{ status: number; text: string }> {
    const { pool, release } = pools.borrow(origin, false);
    try {
      const request = { method: 'GET' as const, path: `${pathname}${search}`, headers: {}, body: null };
      const answer = await exchange(pool, request, TIMEOUT_MS, clock);
      if (answer.kind === 'not_sent') throw new CallbackDeferredError(`SNS cannot be reached: ${answer.detail}`);
      if (answer.kind === 'lost') throw new CallbackDeferredError(`SNS did not answer: ${answer.loss}`);
      const { status, lost, body } = answer;
      if (status >= 500 || status === 429 || lost)
        throw new CallbackDeferredError(`SNS answered ${status}${lost ? `, and then ${lost}` : ''}`);
      return { status, text: body.toString() };
    } finally {
      release();
    }
  }

  async function fetchKey(url: URL): Promise<KeyObject | null> {
    const { status, text } = await get(url);
    const key = status === 200 ? keyOf(text) : null;
    if (!key) return null;
    keys.set(url.href, key);
    if (keys.size > CERTIFICATES_MAX) keys.delete(keys.keys().next().value!);
    return key;
  }

  return {
    async keyAt(text) {
      const url = snsUrl(text);
      if (!url || !CERTIFICATE_PATH.test(url.pathname) || url.search !== '') return null;
      const kept = keys.get(url.href);
      if (kept) return kept;
      const fetching = fetches.get(url.href);
      if (fetching) return fetching;
      if (fetches.size >= FETCHES_MAX) throw new CallbackDeferredError('too many certificates are being fetched');
      const fetched = fetchKey(url).finally(() => fetches.delete(url.href));
      fetches.set(url.href, fetched);
      return fetched;
    },
    async confirm(text) {
      const url = snsUrl(text);
      return url !== null && (await get(url)).status === 200;
    },
    close: () => pools.close(),
  };
}

function snsUrl(text: string): URL | null {
  const url = URL.parse(text);
  const isTheirs = url?.protocol === 'https:' && url.port === '' && url.username === '' && HOST.test(url.hostname);
  return isTheirs ? url : null;
}

/** The key of a certificate in PEM; null for anything else, such as an error's HTML. */
function keyOf(pem: string): KeyObject | null {
  try {
    const { publicKey } = new X509Certificate(pem);
    return publicKey.asymmetricKeyType === 'rsa' ? publicKey : null;
  } catch {
    // No certificate.
    return null;
  }
}
