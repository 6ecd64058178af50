/** Finds the templates of a content that do not parse. */
import type { CampaignContent } from '#domain/campaign.ts';
import { TemplateError } from '#ports/templates.ts';
import type { Templates } from '#ports/templates.ts';
import { TEXTS } from './campaign.ts';
import type { Faults, Path } from './faults.ts';
import { parseContent } from '../render.ts';

/** Adds a fault for each template that does not parse, where it stands. */
export function refuseBadTemplates(content: CampaignContent, path: Path, templates: Templates, faults: Faults): void {
  for (const { at, field, part } of partsOf(content)) {
    try {
      parseContent({ channel: content.channel, providers: content.providers, ...part }, templates);
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      const message = error.message.startsWith(`${field}: `) ? error.message.slice(field.length + 2) : error.message;
      faults.add([...path, ...at], `is no template: ${message}`);
    }
  }
}

/** The content in pieces of one template each, with what {@link parseContent} calls it. */
function partsOf({
  data,
  template,
  ...content
}: CampaignContent): { at: Path; field: string; part: Partial<CampaignContent> }[] {
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
