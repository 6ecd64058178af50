/** Each type of provider has a page, and the page names exactly the settings that the type knows. Presets have a section each. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { expand } from '#cli/expand.ts';
import { presetNames, readPreset } from '#cli/presets.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import type { ProviderType } from '#ports/provider.ts';
import { PROVIDER_TYPES } from '#providers/catalog.ts';
import { STAND_INS } from './support/stand-ins.ts';
import { testTools } from './support/provider-tools.ts';

const DOCS = new URL('../docs/providers/', import.meta.url);
/** What every provider has; all other keys are its type's settings. */
const COMMON = ['id', 'channel', 'type', 'receipts', 'retry', 'limits'];
/** No type has it. */
const NONSENSE = 'noSuchSetting';

const { templates } = testTools();

for (const type of PROVIDER_TYPES)
  describe(`docs/providers/${type.type}.md`, () => {
    const file = new URL(`${type.type}.md`, DOCS);
    const page = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const examples = examplesIn(page, type.type);

    test('is there, with an example that could be applied', () => {
      assert.notEqual(page, '', 'there is no such page');
      assert.notEqual(examples.length, 0, `it has no example of a provider with type: ${type.type}`);
      for (const example of examples) assert.deepEqual(type.faultOf(example, templates), null);
    });

    test('names exactly the settings there are, in its tables', () => {
      const documented = Map.groupBy(settingsIn(page), (setting) => setting.slice(0, setting.lastIndexOf('.') + 1));
      assert(documented.has(''), 'it has no table of settings');
      for (const [prefix, settings] of documented) {
        const names = settings.map((setting) => setting.slice(prefix.length));
        assert.deepEqual(names.toSorted(), knownBelow(type, prefix.slice(0, -1), examples).toSorted(), prefix);
      }
    });
  });

describe('docs/providers/presets.md', async () => {
  const page = readFileSync(new URL('presets.md', DOCS), 'utf8');
  const sections = new Map(page.split(/^## /m).map((section) => [section.slice(0, section.indexOf('\n')), section]));

  for (const name of await presetNames())
    test(`has a section for ${name} with its environment, receipts and errors`, async () => {
      const { environment } = await readPreset(name);
      const section = sections.get(name);
      assert(section, `it has no "## ${name}"`);
      assert.deepEqual(firstCells(section, 'environment').toSorted(), environment.toSorted());
      for (const word of [/receipt/i, /limit/i, /^\| (answer|error)/m]) assert.match(section, word);
    });
});

/** Settings of the providers of this type in the page's examples. */
function examplesIn(page: string, type: string): JsonObject[] {
  const blocks = [...page.matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, block]) => block!);
  const manifests = blocks.filter((block) => block.startsWith('providers:')).map((block) => parse(block) as JsonObject);
  return manifests
    .flatMap(({ providers }) => providers as JsonObject[])
    .filter((provider) => provider['type'] === type)
    .map((provider) => filledIn(Object.fromEntries(Object.entries(provider).filter(([key]) => !COMMON.includes(key)))));
}

/** With something that will do for every variable. */
function filledIn<Value extends Json>(value: Value): Value {
  return JSON.parse(JSON.stringify(value), (_, one: unknown) =>
    typeof one === 'string' ? expand(one, STAND_INS).text : one,
  ) as Value;
}

/** Settings that the page explains, those within others with a dot: what stands in tables below "## `request`" is within `request`. */
function settingsIn(page: string): string[] {
  const nested = page.split(/^## /m).flatMap((section) => {
    const [, outer] = /^`(\w+)`\n/.exec(section) ?? [];
    return outer === undefined ? [] : firstCells(section, 'key').map((name) => `${outer}.${name}`);
  });
  return [...firstCells(page, 'setting'), ...nested];
}

/** The first column of each table with this first heading: names in backticks. */
function firstCells(page: string, heading: string): string[] {
  const tables = page.match(/(^\|.*\n)+/gm) ?? [];
  return tables
    .filter((table) => table.startsWith(`| ${heading} |`))
    .flatMap((table) => table.split('\n').slice(2, -1))
    .flatMap((row) => [...row.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
}

/** The keys that the type knows at a path, as it says itself where it is given one that it does not know. */
function knownBelow(type: ProviderType, path: string, examples: JsonObject[]): string[] {
  const said = examples.map((example) => type.faultOf(withNonsense(example, path), templates));
  const wanted = path === '' ? NONSENSE : `${path}.${NONSENSE}`;
  const message = said.find((fault) => fault?.path === wanted)?.message;
  assert(message, `a setting "${wanted}" is not refused; it says ${JSON.stringify(said)}`);
  return message.replace(/^is not known here; use /, '').split(', ');
}

function withNonsense(settings: JsonObject, path: string): JsonObject {
  const [key, ...rest] = path === '' ? [] : path.split('.');
  if (key === undefined) return { ...settings, [NONSENSE]: 'x' };
  return { ...settings, [key]: withNonsense((settings[key] ?? {}) as JsonObject, rest.join('.')) };
}
