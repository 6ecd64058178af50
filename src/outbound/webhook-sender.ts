/** The calls of webhooks, over undici: guarded, bounded in time, never following where an answer points. */
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import type { WebhookFormat } from '#domain/webhook.ts';
import type { WebhookOutcome } from '#domain/webhook-retry.ts';
import type { Clock } from '#ports/clock.ts';
import { WEBHOOK_TIMEOUT_MS } from '#ports/webhook-sender.ts';
import type { OutgoingCall, WebhookSender } from '#ports/webhook-sender.ts';
import { PrivateAddressError, guardedConnector } from './guarded-connector.ts';
import { isPrivateHost } from './private-addresses.ts';
import { authHeaders } from './webhook-signature.ts';

/** Connections to one receiver, each with one call at a time. */
const CONNECTIONS_MAX = 64;
/** How long an idle connection is kept, in ms. */
const KEEP_ALIVE_MS = 10_000;
/** Bytes of an answer's body that are waited for, so that the connection can be used again; and those that people are shown. */
const ANSWER_BYTES_MAX = 65_536;
const SHOWN_BYTES = 200;
/** Characters of a webhook's address. */
const URL_LENGTH_MAX = 2_000;

const CONTENT_TYPE: Record<WebhookFormat, string> = {
  cloudevents: 'application/cloudevents+json',
  xtremepush: 'application/json',
  connectly: 'application/json',
  webengage: 'application/json',
};

/** @param userAgent names Carom and its version. @param timeoutMs of a whole call. */
export function webhookSender(clock: Clock, userAgent: string, timeoutMs: number = WEBHOOK_TIMEOUT_MS): WebhookSender {
  const agent = (allowPrivate: boolean) =>
    new Agent({
      connect: guardedConnector(allowPrivate),
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  const agents = { open: agent(true), guarded: agent(false) };
  return {
    send: (call, now) => {
      const request = requestOf(call, now, userAgent);
      return exchange(call.allowPrivate ? agents.open : agents.guarded, request, { clock, timeoutMs });
    },
    faultOf,
    close: async () => void (await Promise.all([agents.open.close(), agents.guarded.close()])),
  };
}

function faultOf(text: string, allowPrivate: boolean): string | null {
  if (!URL.canParse(text)) return 'is no address; give one such as "https://shop.example/carom"';
  if (text.length > URL_LENGTH_MAX) return `has ${text.length} characters; at most ${URL_LENGTH_MAX} are allowed`;
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https:// or http://';
  if (url.username !== '' || url.password !== '') return 'holds a password; give it as auth: {type: basic, …} instead';
  if (url.hash !== '') return 'ends in a #fragment, which is never sent; leave it out';
  return !allowPrivate && isPrivateHost(url.hostname) ? new PrivateAddressError(url.hostname).message : null;
}

function requestOf(
  { url, id, format, body, auth }: OutgoingCall,
  now: number,
  userAgent: string,
): Dispatcher.DispatchOptions {
  const { origin, pathname, search } = new URL(url);
  const timestampS = Math.floor(now / 1_000);
  return {
    origin,
    path: pathname + search,
    method: 'POST',
    headers: {
      'content-type': CONTENT_TYPE[format],
      'user-agent': userAgent,
      'webhook-id': id,
      'webhook-timestamp': String(timestampS),
      ...authHeaders(auth, { id, timestampS, body }),
    },
    body,
  };
}

/** Makes the call. Bounded by the timeout as a whole: a body that trickles in does not extend it. Never rejects. */
function exchange(
  agent: Agent,
  request: Dispatcher.DispatchOptions,
  { clock, timeoutMs }: { clock: Clock; timeoutMs: number },
): Promise<WebhookOutcome> {
  return new Promise((resolve) => {
    let call: Dispatcher.DispatchController | null = null;
    let answer: { status: number; retryAfter: string | null } | null = null;
    let shown = '';
    let bytes = 0;
    let isOver = false;

    const end = (error: string | null): void => {
      if (isOver) return;
      isOver = true;
      cancelTimeout();
      resolve(outcomeOf(answer, shown, error, clock.now()));
      if (error !== null) call?.abort(new Error(error));
    };
    const cancelTimeout = clock.at(clock.now() + timeoutMs, () => end(`no answer within ${timeoutMs / 1_000} s`));

    agent.dispatch(request, {
      onRequestStart(controller) {
        if (isOver) controller.abort(new Error('too late'));
        else call = controller;
      },
      onResponseStart(_controller, status, headers) {
        if (status < 200) return;
        const retryAfter = headers['retry-after'];
        answer = { status, retryAfter: typeof retryAfter === 'string' ? retryAfter : null };
      },
      onResponseData(_controller, chunk) {
        if (bytes < SHOWN_BYTES) shown += chunk.toString('utf8', 0, SHOWN_BYTES - bytes);
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) end('the answer does not end');
      },
      onResponseEnd: () => end(null),
      onResponseError: (_controller, error) => end(describe(error)),
    });
  });
}

/** Once a status has come, it counts, whatever became of the body. */
function outcomeOf(
  answer: { status: number; retryAfter: string | null } | null,
  shown: string,
  error: string | null,
  now: number,
): WebhookOutcome {
  if (!answer) return { kind: 'failed', status: null, error: error ?? 'no answer', retryAfterMs: null };
  const { status, retryAfter } = answer;
  if (status >= 200 && status < 300) return { kind: 'delivered', status };
  const said = `answered ${status}${shown.trim() === '' ? '' : `: ${shown.trim()}`}`;
  if (status === 410) return { kind: 'gone', status, error: said };
  const isRedirect = status >= 300 && status < 400;
  return {
    kind: 'failed',
    status,
    error: isRedirect ? `${said} (redirects are not followed; change the webhook's url)` : said,
    retryAfterMs: retryAfter === null ? null : waitOf(retryAfter, now),
  };
}

/** `Retry-After` in seconds or as a date (RFC 9110 §10.2.3); null when it is neither. */
function waitOf(retryAfter: string, now: number): number | null {
  if (/^\d{1,9}$/.test(retryAfter.trim())) return Number(retryAfter) * 1_000;
  const at = Date.parse(retryAfter);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

function describe(error: Error): string {
  const { code } = error as { code?: string };
  return code === undefined ? error.message : `${code}: ${error.message}`;
}
