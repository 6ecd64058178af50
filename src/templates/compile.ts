/** From a source in Twig to what renders it. */
import { createSource } from 'twing';
import type { TwingTemplateNode } from 'twing';
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

/** @throws {TemplateError} when the source does not parse, may not do what it does, or is too large. */
export function compileTwig(source: string, escaping: Escaping): Render {
  try {
    if (BLANKS.test(source)) throw new Error(`it has more than ${BLANKS_MAX} blanks in a row; leave some out`);
    const tree = withinMs(PARSE_TIME_MAX_MS, () => parse(source, escaping));
    const compiler = new Compiler(BUILDS, namesSetIn(tree), escaping);
    const run = compiler.compile(tree.children.body);
    return (context, budget) => {
      const execution = new Execution(context, escaping, budget);
      run(execution);
      return execution.output;
    };
  } catch (error) {
    throw asTemplateError(error, null);
  }
}

function parse(source: string, escaping: Escaping): TwingTemplateNode {
  const environment = restrictedEnvironment(escaping);
  const stream = environment.tokenize(createSource('template', source));
  const tokens = stream.toAst();
  if (tokens.length > TOKENS_MAX) {
    const count = `${tokens.length} words and signs in its tags`;
    throw new TemplateError(`the template has ${count}; at most ${TOKENS_MAX} are allowed, so shorten it`);
  }
  // They have been read; here they are again.
  stream.injectTokens(tokens);
  return environment.parse(stream);
}
