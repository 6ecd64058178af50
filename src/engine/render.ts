/** Makes the message a provider is given: parsed once per campaign version, rendered when the leg is triggered. */
import type { MessageContent, MessageTexts } from '#domain/campaign.ts';
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import { TemplateError } from '#ports/templates.ts';
import type { Escaping, Template, Templates } from '#ports/templates.ts';

/** Parsed messages of campaign versions kept. */
const PARSED_MAX = 5_000;

/** The texts of a message. */
export type Rendered = Pick<
  OutgoingMessage,
  'from' | 'body' | 'html' | 'subject' | 'replyTo' | 'title' | 'image' | 'url' | 'data' | 'template'
>;

const TEXTS = ['from', 'body', 'html', 'subject', 'replyTo', 'title', 'image', 'url'] as const;

/** A campaign version's templates, parsed. */
export interface ParsedContent {
  /** @throws {TemplateError} `render_error` of semantics §8. */
  render(context: JsonObject): Rendered;
}

/** Parses whatever in the content is a template. @throws {TemplateError} naming the field. */
export function parseContent(content: MessageContent, templates: Templates): ParsedContent {
  const compile = (field: string, source: string, escaping: Escaping = 'none'): Template => {
    try {
      return templates.compile(source, escaping);
    } catch (error) {
      if (error instanceof TemplateError) throw new TemplateError(`${field}: ${error.message}`, { cause: error });
      throw error;
    }
  };
  const texts = TEXTS.filter((field) => content[field] !== undefined).map(
    (field) => [field, compile(field, content[field]!, field === 'html' ? 'html' : 'none')] as const,
  );
  const data = Object.entries(content.data ?? {}).map(
    ([key, source]) => [key, compile(`data.${key}`, source)] as const,
  );
  const variables = (content.template?.variables ?? []).map((source, n) => compile(`template.variables[${n}]`, source));
  return {
    render: (context) =>
      templates.together(() => ({
        ...NO_TEXTS,
        ...Object.fromEntries(texts.map(([field, template]) => [field, template.render(context)])),
        data: content.data ? Object.fromEntries(data.map(([key, template]) => [key, template.render(context)])) : null,
        template: content.template
          ? {
              name: content.template.name,
              language: content.template.language ?? null,
              variables: variables.map((template) => template.render(context)),
            }
          : null,
      })),
  };
}

const NO_TEXTS = {
  from: null,
  body: null,
  html: null,
  subject: null,
  replyTo: null,
  title: null,
  image: null,
  url: null,
};

/** Parses contents, with the texts that a call replaces in them. @throws {TemplateError} as {@link parseContent}. */
export type ContentParser = (content: MessageContent, texts?: MessageTexts) => ParsedContent;

/** Parses each content once: contents are immutable, and the cache hands out the same object for the same version. */
export function contentParser(templates: Templates): ContentParser {
  const parsed = new Map<MessageContent, ParsedContent>();
  // A batch's texts are one object for all its messages; those of a single call are gone with it.
  const replaced = new WeakMap<MessageTexts, { content: MessageContent; parsed: ParsedContent }>();

  function parseOnce(content: MessageContent): ParsedContent {
    const known = parsed.get(content);
    if (known) return known;
    const fresh = parseContent(content, templates);
    if (parsed.size >= PARSED_MAX) parsed.delete(parsed.keys().next().value!);
    parsed.set(content, fresh);
    return fresh;
  }

  return (content, texts) => {
    if (!texts) return parseOnce(content);
    const known = replaced.get(texts);
    if (known?.content === content) return known.parsed;
    const fresh = parseContent(withTexts(content, texts), templates);
    replaced.set(texts, { content, parsed: fresh });
    return fresh;
  };
}

/** The content with a call's texts instead of its own; data of the call are added to its data. */
function withTexts(content: MessageContent, texts: MessageTexts): MessageContent {
  const data = content.data && texts.data ? { data: { ...content.data, ...texts.data } } : {};
  return { ...content, ...texts, ...data };
}
