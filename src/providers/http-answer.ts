/** What a vendor's answer means: the `response` of an `http` provider's settings (docs/providers/http.md). */
import type { Json, JsonObject } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import type { Log } from '#ports/log.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { parseBody } from './http-body.ts';
import type { Exchange } from './http-exchange.ts';
import { ExpressionError } from './expression.ts';
import type { Expression } from './expression.ts';
import { readExpression } from './http-expression.ts';
import { assertKeys, readObject } from './settings.ts';

/** Characters of a reason or detail that are kept. */
export const REASON_LENGTH_MAX = 200;
/** Characters of a vendor's reference; a longer one is no reference. */
export const REF_LENGTH_MAX = 500;
/** What says that the vendor knows our account not, or not well enough: Unauthorized, Payment Required, Proxy Authentication Required. */
const ACCOUNT_FAULTS = new Set([401, 402, 407]);
/** What a throttled answer without (or with a senseless) Retry-After waits, at least and at most; in ms. */
const RETRY_AFTER = { default: 1_000, min: 100, max: 3_600_000 };

const EXPRESSIONS = ['accepted', 'ref', 'reason', 'retryable', 'tryElsewhere', 'retryAfter'] as const;
type ExpressionName = (typeof EXPRESSIONS)[number];

/** The compiled `response`. */
export interface ResponsePlan {
  expressions: Partial<Record<ExpressionName, Expression>>;
  /** Whether accepting depends on what the body says. */
  needsBody: boolean;
}

type Answer = Extract<Exchange, { kind: 'answered' }>;
type Seen = { status: number; headers: Record<string, string>; body: Json };

/** @throws {SettingsFault} */
export function readResponse(settings: JsonObject): ResponsePlan {
  const response = readObject(settings, 'response', '') ?? {};
  assertKeys(response, EXPRESSIONS, 'response');
  const expressions: ResponsePlan['expressions'] = {};
  for (const name of EXPRESSIONS) {
    const expression = readExpression(response, name, 'response');
    if (expression) expressions[name] = expression;
  }
  const needsBody = [response.accepted, response.ref].some(
    (source) => typeof source === 'string' && /\bbody\b|[$*%]/.test(source),
  );
  return { expressions, needsBody };
}

/** What came of the handover. */
export async function outcomeOf(exchange: Exchange, plan: ResponsePlan, now: Instant, log: Log): Promise<SendOutcome> {
  if (exchange.kind === 'not_sent')
    return { kind: 'rejected', reason: 'connection_failed', detail: exchange.detail, retryable: true };
  if (exchange.kind === 'lost') return { kind: 'unknown', reason: exchange.loss };
  const { status, lost } = exchange;
  if (isGood(status) && lost && plan.needsBody) return { kind: 'unknown', reason: lost };
  return new Judge(exchange, plan, now, log).judge();
}

function isGood(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Asks the expressions about one answer. */
class Judge {
  readonly #answer: Answer;
  readonly #plan: ResponsePlan;
  readonly #now: Instant;
  readonly #log: Log;
  readonly #seen: Seen;

  constructor(answer: Answer, plan: ResponsePlan, now: Instant, log: Log) {
    this.#answer = answer;
    this.#plan = plan;
    this.#now = now;
    this.#log = log;
    const { status, headers, lost } = answer;
    const isRead = Object.keys(plan.expressions).length > 0 && !lost;
    this.#seen = { status, headers, body: isRead ? parseBody(headers['content-type'], answer.body.toString()) : null };
  }

  async judge(): Promise<SendOutcome> {
    const { status } = this.#answer;
    if (status === 429) return this.#throttled(await this.#ask('retryAfter', undefined));
    const isAccepted = await this.#ask('accepted', isGood(status));
    if (isAccepted === FAILED && isGood(status)) return { kind: 'unknown', reason: 'unreadable_answer' };
    if (isAccepted !== FAILED && isTrue(isAccepted))
      return { kind: 'accepted', ref: refOf(await this.#ask('ref', undefined)) };
    const retryAfter = await this.#ask('retryAfter', undefined);
    return typeof retryAfter === 'number' ? this.#throttled(retryAfter) : this.#rejected();
  }

  async #rejected(): Promise<SendOutcome> {
    const { status, body } = this.#answer;
    const said = textOf(await this.#ask('reason', undefined));
    const retryable = await this.#ask('retryable', status >= 500);
    const tryElsewhere = await this.#ask('tryElsewhere', ACCOUNT_FAULTS.has(status));
    return {
      kind: 'rejected',
      reason: said ?? `http_${status}`,
      detail: said === null ? textOf(body.toString()) : null,
      retryable: retryable === FAILED ? status >= 500 : isTrue(retryable),
      ...(tryElsewhere !== FAILED && isTrue(tryElsewhere) && { tryElsewhere: true }),
    };
  }

  #throttled(said: Json | undefined | typeof FAILED): SendOutcome {
    const saidMs =
      typeof said === 'number' ? said * 1_000 : retryAfterMs(this.#answer.headers['retry-after'], this.#now);
    return {
      kind: 'throttled',
      retryAfterMs: bounded(saidMs),
    };
  }

  /** The value of an expression, `otherwise` where there is none, FAILED where it fails. */
  async #ask(name: ExpressionName, otherwise: Json | undefined): Promise<Json | undefined | typeof FAILED> {
    const expression = this.#plan.expressions[name];
    if (!expression) return otherwise;
    try {
      return await expression.evaluate(this.#seen);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      // Not its message: that may quote what the vendor said.
      const fault = (error.cause as { code?: string } | undefined)?.code ?? error.name;
      this.#log.warn({ expression: `response.${name}`, status: this.#seen.status, fault }, 'an expression failed');
      return FAILED;
    }
  }
}

const FAILED = Symbol('failed');

function bounded(ms: number): number {
  return Math.round(Math.min(Math.max(ms, RETRY_AFTER.min), RETRY_AFTER.max));
}

/** How long a Retry-After asks to wait, in ms, within our bounds. */
export function boundedRetryAfterMs(header: string | undefined, now: Instant): number {
  return bounded(retryAfterMs(header, now));
}

/** RFC 9110 §10.2.3: seconds, or a date. In ms. */
function retryAfterMs(header: string | undefined, now: Instant): number {
  if (header === undefined) return RETRY_AFTER.default;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1_000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? RETRY_AFTER.default : date - now;
}

function isTrue(value: Json | undefined): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

function refOf(value: Json | undefined | typeof FAILED): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const ref = String(value);
  return ref.length > 0 && ref.length <= REF_LENGTH_MAX ? ref : null;
}

function textOf(value: Json | undefined | typeof FAILED): string | null {
  if (value === FAILED || value === undefined || value === null) return null;
  const text = (typeof value === 'object' ? JSON.stringify(value) : String(value)).trim();
  return text === '' ? null : text.slice(0, REASON_LENGTH_MAX);
}
