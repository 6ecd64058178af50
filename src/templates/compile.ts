/** From a source in Twig to what renders it. */
import { createSource } from 'twing';
import type { TwingSynchronousEnvironment, TwingTemplateNode } from 'twing';
import { TemplateError } from '#ports/templates.ts';
import type { Escaping } from '#ports/templates.ts';
import { Compiler } from './compiler.ts';
import { Execution } from './execution.ts';
import { BUILDS, namesSetIn, restrictedEnvironment } from './policy.ts';
import type { Render } from './quick.ts';
import { asTemplateError } from './template-errors.ts';
import { withinMs } from './within.ts';

/** Words, signs and texts between tags. What the parser takes for them grows faster than they do. */
export const TOKENS_MAX = 10_000;
/** Blanks in a row: the parser looks at each of them from each of them. */
const BLANKS_MAX = 2_000;
const BLANKS = new RegExp(`\\s{${BLANKS_MAX + 1}}`);
/**
 * How long parsing may keep the thread, in ms on the wall. The second line: what the bounds above let through takes a
 * tenth of it on an idle machine.
 */
const PARSE_TIME_MAX_MS = 1_000;

/** Characters of a source that is parsed without a watch, whose start takes 0.1 ms. */
const UNWATCHED_LENGTH_MAX = 2_000;
/** Parses by one environment, which takes 0.5 ms to make and may keep things. */
const PARSES_MAX = 100;

/** @throws {TemplateError} when the source does not parse, may not do what it does, or is too large. */
export function compileTwig(source: string, escaping: Escaping): Render {
  try {
    if (BLANKS.test(source)) throw new Error(`it has more than ${BLANKS_MAX} blanks in a row; leave some out`);
    const isShort = source.length <= UNWATCHED_LENGTH_MAX;
    const work = (): TwingTemplateNode => parse(source, escaping);
    const tree = isShort ? work() : withinMs(PARSE_TIME_MAX_MS, work);
    const compiler = new Compiler(BUILDS, namesSetIn(tree), escaping);
    const run = compiler.compile(tree.children.body);
    return (context, budget) => {
      const execution = new Execution(context, escaping, budget);
      run(execution);
      return execution.output;
    };
  } catch (error) {
    // A parser that stopped half-way may not be where it was.
    environments.delete(escaping);
    throw asTemplateError(error, null);
  }
}

const environments = new Map<Escaping, { environment: TwingSynchronousEnvironment; parses: number }>();

function environmentFor(escaping: Escaping): TwingSynchronousEnvironment {
  const known = environments.get(escaping);
  if (known && known.parses++ < PARSES_MAX) return known.environment;
  const environment = restrictedEnvironment(escaping);
  environments.set(escaping, { environment, parses: 1 });
  return environment;
}

function parse(source: string, escaping: Escaping): TwingTemplateNode {
  const environment = environmentFor(escaping);
  const stream = environment.tokenize(createSource('template', source));
  // The library's type says that there is always one.
  const oneTooMany: unknown = stream.look(TOKENS_MAX);
  if (oneTooMany) {
    throw new TemplateError(`the template has more than ${TOKENS_MAX} words and signs in its tags; shorten it`);
  }
  return environment.parse(stream);
}
