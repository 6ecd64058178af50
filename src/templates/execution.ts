/** One rendering under way, and what is run in it. */
import type { JsonObject } from '#domain/request.ts';
import type { Escaping } from '#ports/templates.ts';
import type { Budget } from './budget.ts';

/** A node of a template, made executable. Expressions give their value; statements print, and give nothing. */
export type Run = (execution: Execution) => unknown;

/** What a rendering knows and has written. */
export class Execution {
  readonly budget: Budget;
  readonly escaping: Escaping;
  /** What the template was given. Never changed. */
  readonly context: JsonObject;
  /** What it has set itself; null for what it has set to nothing. These come before the context. */
  names = new Map<string, unknown>();
  /** False inside `with … only`. */
  seesContext = true;
  /** What has been printed so far. */
  output = '';

  constructor(context: JsonObject, escaping: Escaping, budget: Budget) {
    this.context = context;
    this.escaping = escaping;
    this.budget = budget;
  }

  /** The value of a name; undefined where there is none. */
  read(name: string): unknown {
    const own = this.names.get(name);
    if (own !== undefined) return own;
    return this.seesContext && Object.hasOwn(this.context, name) ? this.context[name] : undefined;
  }

  /** Prints a text. */
  print(text: string): void {
    this.budget.takeOutput(text.length);
    this.output += text;
  }

  /** What the work prints, kept apart from the output. */
  capture(work: () => void): string {
    const before = this.output;
    this.output = '';
    work();
    const captured = this.output;
    this.output = before;
    return captured;
  }
}
