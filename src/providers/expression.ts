/**
 * JSONata expressions over what a vendor said. Compiled once per configuration, evaluated within bounds: expressions come
 * from tenants, and what they are evaluated over from outside.
 *
 * One difference from JSONata: `!=` is the opposite of `=` also where a side is missing, so that
 * `body.status != "rejected"` holds for an answer without a status.
 */
import { Script, createContext } from 'node:vm';
import jsonata from 'jsonata';
import type { Json } from '#domain/request.ts';
import { ASK_JSONATA, quickExpression } from './quick-expression.ts';
import type { Node } from './quick-expression.ts';

/** Characters of an expression. */
const EXPRESSION_LENGTH_MAX = 4_000;
/** Steps of one evaluation, of about 2 µs each; the usual one takes ten. Unlike time, they do not depend on what else goes on. */
const STEPS_MAX = 20_000;
/** How long one evaluation may keep the thread, in ms, should single steps be slow: wide enough for a busy machine. */
const EVALUATION_TIME_MAX_MS = 1_000;
/** How long one match of a regular expression may take, in ms. */
const MATCH_TIME_MAX_MS = 250;
/** Depth of functions that call each other. */
const CALL_DEPTH_MAX = 200;
/** Elements of any list on the way. */
const SEQUENCE_LENGTH_MAX = 10_000;
/** Characters of any text on the way. */
const TEXT_LENGTH_MAX = 200_000;
/** Functions that run text as code, or make huge texts out of nothing. */
const REFUSED_FUNCTIONS = new Set(['eval', 'pad']);

/** A compiled expression. */
export interface Expression {
  /**
   * Its value over the input; undefined where it selects nothing.
   * @throws {ExpressionError} when it fails or goes over a bound.
   */
  evaluate(input: object): Promise<Json | undefined>;
}

/** A fault of an expression, in words for its author. */
export class ExpressionError extends Error {
  override name = 'ExpressionError';
}

/**
 * Compiles an expression. `quick: false` leaves everything to jsonata; the tests compare the two.
 * @throws {ExpressionError} when the source does not parse, or uses what is refused.
 */
export function compileExpression(source: string, options: { quick: boolean } = { quick: true }): Expression {
  if (source.length > EXPRESSION_LENGTH_MAX) {
    throw new ExpressionError(`has ${source.length} characters; at most ${EXPRESSION_LENGTH_MAX} are allowed`);
  }
  const expression = parse(source);
  const tree = expression.ast() as unknown as Node;
  const quick = options.quick ? quickExpression(tree) : null;
  prepare(tree);
  expression.assign(EXIT, assertWithinBounds);
  return {
    async evaluate(input) {
      const value = quick ? quick(input) : ASK_JSONATA;
      if (value !== ASK_JSONATA) return value;
      try {
        return plain(await expression.evaluate(input));
      } catch (error) {
        throw new ExpressionError(messageOf(error), { cause: error });
      }
    },
  };
}

/** Jsonata's hook after each step of an evaluation. */
const EXIT = Symbol.for('jsonata.__evaluate_exit') as unknown as string;

/** What an evaluation's steps share. */
type Environment = { base: { steps?: number } };

function assertWithinBounds(_node: unknown, _input: unknown, { base }: Environment, result: unknown): void {
  base.steps = (base.steps ?? 0) + 1;
  if (base.steps > STEPS_MAX) throw new ExpressionError(`takes more than ${STEPS_MAX} steps`);
  if (typeof result === 'string' && result.length > TEXT_LENGTH_MAX) {
    throw new ExpressionError(`makes a text of more than ${TEXT_LENGTH_MAX} characters`);
  }
}

function parse(source: string): jsonata.Expression {
  try {
    return jsonata(source, {
      timeout: EVALUATION_TIME_MAX_MS,
      stack: CALL_DEPTH_MAX,
      sequence: SEQUENCE_LENGTH_MAX,
      RegexEngine: WatchedRegExp as unknown as RegExpConstructor,
    });
  } catch (error) {
    const { position } = error as { position?: number };
    throw new ExpressionError(`${messageOf(error)}${position === undefined ? '' : ` (at character ${position})`}`, {
      cause: error,
    });
  }
}

/** Refuses functions, and makes `!=` the opposite of `=`. */
function prepare(root: Node): void {
  const pending: object[] = [root];
  const seen = new WeakSet<object>();
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    const { type, value } = node as Node;
    if (type === 'variable' && REFUSED_FUNCTIONS.has(value as string)) {
      throw new ExpressionError(`uses $${String(value)}, which is not available`);
    }
    if (type === 'binary' && value === '!=') negate(node as Node);
    for (const child of Object.values(node))
      if (typeof child === 'object' && child !== null) pending.push(child as object);
  }
}

function negate(node: Node): void {
  const equality: Node = { ...node, value: '=' };
  for (const key of Object.keys(node)) delete node[key];
  Object.assign(node, {
    type: 'function',
    value: '(',
    procedure: { type: 'variable', value: 'not' },
    arguments: [equality],
  });
}

/** A regular expression that V8 ends when it backtracks for too long. */
class WatchedRegExp extends RegExp {
  override exec(text: string): RegExpExecArray | null {
    WATCHED.work = () => super.exec(text);
    return RUN.runInContext(WATCHED, { timeout: MATCH_TIME_MAX_MS }) as RegExpExecArray | null;
  }
}

const WATCHED = createContext({ work: (): unknown => null }) as { work: () => unknown };
const RUN = new Script('work()');

/** A copy as plain JSON: jsonata's lists carry properties, and functions may come out of it. */
function plain(value: unknown): Json | undefined {
  if (value === undefined || typeof value === 'function') return undefined;
  return typeof value === 'object' && value !== null ? (JSON.parse(JSON.stringify(value)) as Json) : (value as Json);
}

function messageOf(error: unknown): string {
  const { message } = error as { message?: string };
  return message ?? String(error);
}
