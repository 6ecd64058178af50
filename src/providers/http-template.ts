/** Templates among settings. */
import { withoutMarks } from '#domain/tracked-links.ts';
import { TemplateError } from '#ports/templates.ts';
import type { Escaping, Template, Templates } from '#ports/templates.ts';
import { SettingsFault } from './settings.ts';

/** A message that cannot be put into this request (a line break in a header); sending it again would not help. */
export class ContentError extends Error {
  override name = 'ContentError';
}

/** @throws {SettingsFault} when the source is no template. */
export function compileSetting(templates: Templates, source: string, escaping: Escaping, path: string): Template {
  try {
    const template = templates.compile(source, escaping);
    // Nothing looks for links in a request: a mark on one would only be sent along.
    return { render: (context) => withoutMarks(template.render(context)) };
  } catch (error) {
    if (error instanceof TemplateError) throw new SettingsFault(path, `is no template: ${error.message}`);
    throw error;
  }
}
