/** JSON whose texts are templates. Rendering fills values in; it cannot change the structure. */
import type { Template, Templates } from '#ports/templates.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { compileSetting } from './http-template.ts';
import { SettingsFault, below } from './settings.ts';

/** What the templates of a provider's request can name. */
export const MESSAGE_NAMES = [
  'to',
  'from',
  'body',
  'html',
  'subject',
  'title',
  'url',
  'data',
  'channel',
  'message_id',
  'receipt_url',
  'txn_id',
  'campaign_id',
  'user_id',
  'unsubscribe_url',
  'headers',
  'template',
  'attachments',
  'image',
  'reply_to',
  'secrets',
];

/** How deep the JSON of a request may nest. */
const DEPTH_MAX = 20;
const ONE_NAME = /^\{\{\s*([A-Za-z_]\w*(?:\.\w+)*)\s*\}\}$/;

/** Fills the values in; undefined stands for a value to be left out. */
export type RenderJson = (context: JsonObject) => Json | undefined;

/** What compiling JSON needs; `names`: what a text that is one `{{ name }}` may name, null for anything. */
export interface JsonTools {
  templates: Templates;
  names: readonly string[] | null;
}

/**
 * Compiles the JSON at a path of the settings. A text that is one `{{ name }}` becomes the value itself (a list, a map, a
 * number), and is left out where that is null or missing; any other text is rendered, unescaped, into a text.
 * @throws {SettingsFault}
 */
export function compileJson(json: Json, tools: JsonTools, path: string, depth = 0): RenderJson {
  if (depth > DEPTH_MAX) throw new SettingsFault(path, `nests deeper than ${DEPTH_MAX} levels`);
  if (typeof json === 'string') return compileText(json, tools, path);
  if (typeof json !== 'object' || json === null) return () => json;
  if (Array.isArray(json)) {
    const elements = json.map((element, index) => compileJson(element, tools, below(path, String(index)), depth + 1));
    return (context) => elements.map((element) => element(context) ?? null);
  }
  const fields = Object.entries(json).map(
    ([key, value]) => [key, compileJson(value, tools, below(path, key), depth + 1)] as const,
  );
  return (context) =>
    Object.fromEntries(fields.map(([key, field]) => [key, field(context)] as const).filter(isPresent));
}

function compileText(text: string, { templates, names }: JsonTools, path: string): RenderJson {
  const name = ONE_NAME.exec(text)?.[1]?.split('.');
  if (name === undefined) return renderingText(compileSetting(templates, text, 'none', path));
  if (names !== null && !names.includes(name[0]!))
    throw new SettingsFault(path, `"${name[0]}" is no value of a message; use one of ${names.join(', ')}`);
  return (context) => valueAt(context, name) ?? undefined;
}

function renderingText(template: Template): RenderJson {
  return (context) => template.render(context);
}

function valueAt(context: JsonObject, path: string[]): Json | undefined {
  let value: Json | undefined = context;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as JsonObject)[key];
  }
  return value;
}

function isPresent(field: readonly [string, Json | undefined]): field is readonly [string, Json] {
  return field[1] !== undefined;
}
