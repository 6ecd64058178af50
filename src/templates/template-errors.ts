/** Whatever goes wrong in a template is its author's to mend, and told in the author's words. */
import { isATwingError } from 'twing';
import { TemplateError } from '#ports/templates.ts';

/** @param line where the execution was; null or 0 when it had not begun. */
export function asTemplateError(error: unknown, line: number | null): TemplateError {
  if (error instanceof TemplateError) return error;
  if (error instanceof Error && isATwingError(error)) {
    const remedy = error.name === 'TwingParsingError' ? ' (docs/templates.md lists what there is)' : '';
    return new TemplateError(`line ${error.location.line}: ${error.rootMessage}${remedy}`, { cause: error });
  }
  const message =
    error instanceof RangeError
      ? 'it nests too deeply or makes too long a text; make it simpler'
      : (error as Error).message;
  return new TemplateError(line ? `line ${line}: ${message}` : message, { cause: error });
}
