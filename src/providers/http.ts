/** `type: http`: any vendor that takes a message by HTTP and reports by callback, described in settings alone. */
import { Pool } from 'undici';
import type { JsonObject } from '#domain/request.ts';
import { CallbackError } from '#ports/provider.ts';
import type { OutgoingMessage, Provider, ProviderType, SendOutcome } from '#ports/provider.ts';
import { TemplateError } from '#ports/templates.ts';
import type { Templates } from '#ports/templates.ts';
import { outcomeOf, readResponse } from './http-answer.ts';
import type { ResponsePlan } from './http-answer.ts';
import { exchange } from './http-exchange.ts';
import { markFiles, withFiles } from './http-files.ts';
import type { WritableRequest } from './http-files.ts';
import { readReceipt, receiptsIn } from './http-receipts.ts';
import type { ReceiptPlan } from './http-receipts.ts';
import { readRequest } from './http-request.ts';
import type { RequestPlan } from './http-request.ts';
import { ContentError } from './http-template.ts';
import { assertKeys, faultOfReading, readInteger, readObject, readText } from './settings.ts';

/** Connections to the vendor, each with one call at a time. */
const CONCURRENCY = { min: 1, max: 1_024, default: 128 };

interface HttpPlan {
  request: RequestPlan;
  response: ResponsePlan;
  receipt: ReceiptPlan | null;
  concurrency: number;
  secrets: JsonObject;
  /** What the body's format does to base64; null: nothing. */
  encode: ((base64: string) => string) | null;
}

/** The word `http` of the catalogue; docs/providers/http.md explains its settings. */
export const httpProvider: ProviderType = {
  type: 'http',
  secrets: ['secrets.*', 'request.headers.*', 'request.basicAuth.password'],
  faultOf: (settings, templates) => faultOfReading(() => readPlan(settings, templates)),
  open(config, { templates, clock, log }): Provider {
    const plan = readPlan(config.settings, templates);
    const pool = new Pool(plan.request.origin, {
      connections: plan.concurrency,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: plan.request.timeoutMs },
    });
    let closing: Promise<void> | null = null;
    return {
      receiptsByRef: plan.receipt?.byRef ?? false,
      concurrency: plan.concurrency,
      async send(message): Promise<SendOutcome> {
        const rendered = render(plan, message);
        const request = rendered instanceof Promise ? await rendered : rendered;
        if ('kind' in request) return request;
        return outcomeOf(await exchange(pool, request, plan.request.timeoutMs, clock), plan.response, clock.now(), log);
      },
      async parseReceipts(callback) {
        if (!plan.receipt)
          throw new CallbackError('the provider has no "receipt" in its settings, which says how to read callbacks');
        return receiptsIn(callback, plan.receipt);
      },
      close: () => (closing ??= pool.close()),
    };
  },
};

function readPlan(settings: JsonObject, templates: Templates): HttpPlan {
  assertKeys(settings, ['request', 'response', 'receipt', 'concurrency', 'secrets'], '');
  const secrets = readObject(settings, 'secrets', '') ?? {};
  for (const name of Object.keys(secrets)) readText(secrets, name, 'secrets');
  return {
    request: readRequest(settings, templates),
    response: readResponse(settings),
    receipt: readReceipt(settings),
    concurrency: readInteger(settings, 'concurrency', '', CONCURRENCY),
    secrets,
    encode: readObject(settings, 'request', '')?.['form'] === undefined ? null : encodeURIComponent,
  };
}

/** At once where there are no files: whoever calls has the call made before he does anything else. */
function render(
  plan: HttpPlan,
  message: OutgoingMessage,
): WritableRequest | SendOutcome | Promise<WritableRequest | SendOutcome> {
  const { request, secrets, encode } = plan;
  try {
    if (!message.attachments || !request.mentionsFiles) return request.render(message, secrets, null);
    const files = markFiles(message.attachments);
    return withFiles(request.render(message, secrets, files.context), files, encode).catch(refusalOf);
  } catch (error) {
    return refusalOf(error);
  }
}

/** What a message is refused for that cannot be put into the request. @throws any other error. */
function refusalOf(error: unknown): SendOutcome {
  if (error instanceof TemplateError)
    return { kind: 'rejected', reason: 'render_error', detail: error.message, retryable: false };
  if (error instanceof ContentError)
    return { kind: 'rejected', reason: 'invalid_content', detail: error.message, retryable: false };
  throw error;
}
