/** The HTTP calls of journeys: a request as an `http` provider's, to whatever address the campaign's author writes. */
import type { buildConnector } from 'undici';
import type { JsonObject } from '#domain/request.ts';
import type { Clock } from '#ports/clock.ts';
import type { HookCaller } from '#ports/hook.ts';
import type { Log } from '#ports/log.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { TemplateError } from '#ports/templates.ts';
import type { Templates } from '#ports/templates.ts';
import { outcomeOf } from './http-answer.ts';
import { exchange } from './http-exchange.ts';
import { compileRequest } from './http-request.ts';
import type { CompiledRequest, RenderedRequest } from './http-request.ts';
import { ContentError } from './http-template.ts';
import { originPools } from './origin-pools.ts';
import { faultOfReading } from './settings.ts';

/** How long a call may take in all, in ms. Shorter than a provider's: nobody waits for the answer's sake. */
const TIMEOUT = { min: 10, max: 30_000, default: 10_000 };
/** What an answer means: nothing beyond its status and `Retry-After`. */
const BY_STATUS = { expressions: {}, needsBody: false };

/** What calling needs. */
export interface HookTools {
  templates: Templates;
  clock: Clock;
  log: Log;
  /** How connections are made, which may refuse private addresses; absent: any are reached. */
  connector?(allowPrivate: boolean): buildConnector.connector;
}

/** Makes hooks' calls, over connections that are kept for a while. */
export function hookCaller({ templates, clock, log, connector }: HookTools): HookCaller {
  const pools = originPools(clock, connector);
  // A version's request is one object as long as the version is in memory; then both go.
  const compiled = new WeakMap<JsonObject, CompiledRequest>();

  const compile = (request: JsonObject): CompiledRequest =>
    compileRequest(request, templates, { timeoutMs: TIMEOUT, names: null });

  function compiledOnce(request: JsonObject): CompiledRequest {
    const known = compiled.get(request) ?? compile(request);
    compiled.set(request, known);
    return known;
  }

  return {
    faultOf(request) {
      const fault = faultOfReading(() => compile(request));
      return fault && { ...fault, path: fault.path.replace(/^request\.?/, '') };
    },
    async call({ request, messageId, context, allowPrivate }): Promise<SendOutcome> {
      const plan = compiledOnce(request);
      const rendered = render(() => plan.render(context, messageId));
      if ('kind' in rendered) return rendered;
      const { pool, release } = pools.borrow(plan.origin, allowPrivate);
      try {
        return await outcomeOf(await exchange(pool, rendered, plan.timeoutMs, clock), BY_STATUS, clock.now(), log);
      } finally {
        release();
      }
    },
    close: pools.close,
  };
}

function render(make: () => RenderedRequest): RenderedRequest | SendOutcome {
  try {
    return make();
  } catch (error) {
    const [isTemplate, isContent] = [error instanceof TemplateError, error instanceof ContentError];
    if (!isTemplate && !isContent) throw error;
    const reason = isTemplate ? 'render_error' : 'invalid_content';
    return { kind: 'rejected', reason, detail: (error as Error).message, retryable: false };
  }
}
