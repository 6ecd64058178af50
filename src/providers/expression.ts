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

/** Characters of an expression. */
export const EXPRESSION_LENGTH_MAX = 4_000;
/** How long one evaluation may keep the thread, in ms; the usual one takes 0.005. */
export const EVALUATION_TIME_MAX_MS = 50;
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

/** @throws {ExpressionError} when the source does not parse, or uses what is refused. */
export function compileExpression(source: string): Expression {
  if (source.length > EXPRESSION_LENGTH_MAX) {
    throw new ExpressionError(`has ${source.length} characters; at most ${EXPRESSION_LENGTH_MAX} are allowed`);
  }
  const expression = parse(source);
  prepare(expression.ast() as unknown as Node);
  expression.assign(EXIT, assertSmall);
  return {
    async evaluate(input) {
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

function assertSmall(_node: unknown, _input: unknown, _environment: unknown, result: unknown): void {
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

type Node = { [key: string]: unknown; type?: string; value?: unknown };

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
    return RUN.runInContext(WATCHED, { timeout: EVALUATION_TIME_MAX_MS }) as RegExpExecArray | null;
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
