/** Expressions among settings. */
import type { JsonObject } from '#domain/request.ts';
import { ExpressionError, compileExpression } from './expression.ts';
import type { Expression } from './expression.ts';
import { SettingsFault, below } from './settings.ts';

/**
 * The expression at a key; null when the key is missing. YAML's `true` and numbers stand for themselves.
 * @throws {SettingsFault}
 */
export function readExpression(parent: JsonObject, key: string, path: string): Expression | null {
  const value = parent[key];
  if (value === undefined) return null;
  if (typeof value === 'object')
    throw new SettingsFault(below(path, key), 'must be a JSONata expression, such as body.id');
  try {
    return compileExpression(String(value));
  } catch (error) {
    if (error instanceof ExpressionError)
      throw new SettingsFault(below(path, key), `is no JSONata expression: ${error.message}`);
    throw error;
  }
}
