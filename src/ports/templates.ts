import type { JsonObject } from '#domain/request.ts';

/**
 * What is done to values put into the text: nothing, HTML escaping (the default for e-mail bodies, semantics §8), or
 * percent-encoding (RFC 3986) for addresses.
 */
export type Escaping = 'none' | 'html' | 'url';

/** A parsed template. Rendering is synchronous, bounded in what it may use up, and sees plain data only. */
export interface Template {
  /** @throws {TemplateError} when rendering fails or goes over a bound; the message is for the template's author. */
  render(context: JsonObject): string;
}

/** Parses templates: the Twig language, `{apicontent.x}` beside `{{ x }}`, missing names rendered as nothing. */
export interface Templates {
  /** @throws {TemplateError} when the source does not parse or is too long; names the line. */
  compile(source: string, escaping: Escaping): Template;
  /** Does synchronous work in which several templates are rendered: the bounds hold for all of them together. */
  together<Result>(work: () => Result): Result;
}

/** A fault of a template, in words for its author. */
export class TemplateError extends Error {
  override name = 'TemplateError';
}
