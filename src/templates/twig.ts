/**
 * The template language: Twig, as far as `policy.ts` allows it and `budget.ts` bounds it. `docs/templates.md` is for
 * those who write templates.
 *
 * A source is parsed once, when it is compiled, and made into functions that call each other (`compiler.ts`). Texts that
 * only name things are joined by `quick.ts`, without a parser.
 */
import { TemplateError } from '#ports/templates.ts';
import type { Escaping, Template, Templates } from '#ports/templates.ts';
import { rewriteApicontent } from './apicontent.ts';
import { Budget } from './budget.ts';
import { compileTwig } from './compile.ts';
import { escapeFor } from './escape.ts';
import { quickRender } from './quick.ts';
import { keepingRecent } from './recent.ts';
import { asTemplateError } from './template-errors.ts';

/** Bytes of a template's source, in UTF-8. */
export const SOURCE_BYTES_MAX = 100_000;

/** Parses templates. `quick: false` leaves everything to the compiler; the tests compare the two. */
export function createTwigTemplates(options: { quick: boolean } = { quick: true }): Templates {
  /** What the templates of the work under way share. */
  let shared: Budget | null = null;

  function compile(source: string, escaping: Escaping): Template {
    const twig = rewriteApicontent(source);
    const quick = options.quick ? quickRender(twig, escapeFor(escaping)) : null;
    const render = quick ?? compileTwig(twig, escaping);
    return {
      render(context) {
        const budget = shared ?? new Budget();
        budget.line = 1;
        try {
          return render(context, budget);
        } catch (error) {
          throw asTemplateError(error, budget.line);
        }
      },
    };
  }

  const compileOnce = keepingRecent(compile);

  return {
    compile(source, escaping) {
      const bytes = Buffer.byteLength(source);
      if (bytes <= SOURCE_BYTES_MAX) return compileOnce(source, escaping);
      throw new TemplateError(
        `the template has ${bytes} bytes; at most ${SOURCE_BYTES_MAX} are allowed, so shorten it`,
      );
    },
    together(work) {
      if (shared) return work();
      shared = new Budget();
      try {
        return work();
      } finally {
        shared = null;
      }
    },
  };
}
