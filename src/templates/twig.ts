/**
 * The template language: Twig, as far as `policy.ts` allows it and `budget.ts` bounds it. `docs/templates.md` is for
 * those who write templates.
 *
 * A source is parsed once, when it is compiled. Rendering is a walk over the tree by `execute.ts`, or for texts that
 * only name things a join of strings by `quick.ts`.
 */
import { createOutputBuffer, createSource, createSynchronousTemplate, isATwingError } from 'twing';
import type { TwingOutputBuffer, TwingSynchronousEnvironment, TwingSynchronousTemplate } from 'twing';
import type { JsonObject } from '#domain/request.ts';
import { TemplateError } from '#ports/templates.ts';
import type { Escaping, Template, Templates } from '#ports/templates.ts';
import { rewriteApicontent } from './apicontent.ts';
import { Budget, withinMs } from './budget.ts';
import { escapeFor } from './escape.ts';
import { execute } from './execute.ts';
import type { GuardedContext } from './filters.ts';
import { namesIn, restrictedEnvironment } from './policy.ts';
import { quickRender } from './quick.ts';
import type { Render } from './quick.ts';
import { fromJson } from './values.ts';

/** Bytes of a template's source, in UTF-8. */
export const SOURCE_BYTES_MAX = 100_000;
/** How long parsing may keep the thread, in ms. Ordinary templates take one. */
const COMPILE_TIME_MAX_MS = 1_000;

/** Parses templates. `quick: false` leaves everything to Twig; the tests compare the two. */
export function createTwigTemplates(options: { quick: boolean } = { quick: true }): Templates {
  return {
    compile(source: string, escaping: Escaping): Template {
      const bytes = Buffer.byteLength(source);
      if (bytes > SOURCE_BYTES_MAX) {
        throw new TemplateError(
          `the template has ${bytes} bytes; at most ${SOURCE_BYTES_MAX} are allowed, so shorten it`,
        );
      }
      const twig = rewriteApicontent(source);
      const quick = options.quick ? quickRender(twig, escapeFor(escaping)) : null;
      const render = quick ?? parse(twig, escaping);
      return { render: (context) => inAuthorsWords(() => render(context)) };
    },
  };
}

function parse(source: string, escaping: Escaping): Render {
  const environment = restrictedEnvironment(escaping);
  const { template, names } = inAuthorsWords(() => {
    return withinMs(COMPILE_TIME_MAX_MS, () => {
      const ast = environment.parse(environment.tokenize(createSource('template', source)));
      return { template: createSynchronousTemplate(ast), names: namesIn(ast) };
    }) as { template: TwingSynchronousTemplate; names: Set<string> };
  });
  const executing = executingEnvironment(escaping);
  return (context) => interpret(template, executing, pick(context, names));
}

/** Environments that execute and never parse, one per escaping: a parser keeps what it has parsed. */
const executingEnvironments = new Map<Escaping, TwingSynchronousEnvironment>();

function executingEnvironment(escaping: Escaping): TwingSynchronousEnvironment {
  const existing = executingEnvironments.get(escaping);
  if (existing) return existing;
  const environment = restrictedEnvironment(escaping);
  executingEnvironments.set(escaping, environment);
  return environment;
}

/** What of the context the template names, in the form it computes with. */
function pick(context: JsonObject, names: Set<string>): Map<string, unknown> {
  const picked = new Map<string, unknown>();
  for (const name of names) if (Object.hasOwn(context, name)) picked.set(name, fromJson(context[name]));
  return picked;
}

function interpret(
  template: TwingSynchronousTemplate,
  environment: TwingSynchronousEnvironment,
  context: Map<string, unknown>,
): string {
  const budget = new Budget();
  const outputBuffer = countingBuffer(budget);
  const executionContext: GuardedContext = {
    aliases: {},
    blocks: new Map(),
    budget,
    context,
    environment,
    nodeExecutor: execute,
    outputBuffer,
    sandboxed: false,
    strict: false,
    template,
    templateLoader: () => null,
  };
  outputBuffer.start();
  try {
    execute(template.ast.children.body, executionContext);
  } catch (error) {
    throw asTemplateError(error, budget.line);
  }
  return outputBuffer.getAndClean();
}

/** Twing's buffer; what goes in is counted. */
function countingBuffer(budget: Budget): TwingOutputBuffer {
  const buffer = createOutputBuffer();
  const { echo } = buffer;
  buffer.echo = (value: unknown) => {
    budget.takeOutput(((value ?? '') as string | number).toString().length);
    return echo(value);
  };
  return buffer;
}

/** Whatever goes wrong in here is the template's fault, and told to its author. */
function inAuthorsWords<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw asTemplateError(error, null);
  }
}

function asTemplateError(error: unknown, line: number | null): TemplateError {
  if (error instanceof TemplateError) return error;
  if (error instanceof Error && isATwingError(error)) {
    const remedy = error.name === 'TwingParsingError' ? ' (docs/templates.md lists what there is)' : '';
    return new TemplateError(`line ${error.location.line}: ${error.rootMessage}${remedy}`, { cause: error });
  }
  const message =
    error instanceof RangeError
      ? 'it nests too deeply or makes too long a text; make it simpler'
      : (error as Error).message;
  return new TemplateError(line === null ? message : `line ${line}: ${message}`, { cause: error });
}
