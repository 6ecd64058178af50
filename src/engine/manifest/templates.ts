/** Finds the templates of messages that do not parse. */
import type { MessageContent } from '#domain/campaign.ts';
import { TemplateError } from '#ports/templates.ts';
import type { Templates } from '#ports/templates.ts';
import type { Faults, Path } from './faults.ts';
import { TEXTS } from './message.ts';
import type { MessageDraft } from './message.ts';
import { parseContent } from '../render.ts';

/** Adds a fault for each template that does not parse, where it stands. */
export function refuseBadTemplates(messages: readonly MessageDraft[], templates: Templates, faults: Faults): void {
  for (const { path, message } of messages) refuseBadTemplatesOf(message, path, templates, faults);
}

function refuseBadTemplatesOf(content: MessageContent, path: Path, templates: Templates, faults: Faults): void {
  const { channel, providers } = content;
  for (const { at, field, part } of partsOf(content)) {
    try {
      parseContent({ channel, providers, ...part }, templates);
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      const said = error.message.startsWith(`${field}: `) ? error.message.slice(field.length + 2) : error.message;
      faults.add([...path, ...at], `is no template: ${said}`);
    }
  }
}

/** The message in pieces of one template each, with what {@link parseContent} calls it. */
function partsOf({
  data,
  template,
  ...content
}: MessageContent): { at: Path; field: string; part: Partial<MessageContent> }[] {
  return [
    ...TEXTS.flatMap((field) =>
      content[field] === undefined ? [] : [{ at: [field], field, part: { [field]: content[field] } }],
    ),
    ...Object.entries(data ?? {}).map(([key, text]) => {
      return { at: ['data', key], field: `data.${key}`, part: { data: Object.fromEntries([[key, text]]) } };
    }),
    ...(template?.variables ?? []).map((text, index) => {
      const part = { template: { name: template!.name, variables: [text] } };
      return { at: ['template', 'variables', index], field: 'template.variables[0]', part };
    }),
  ];
}
