/** `carom providers presets`: vendors that the `http` provider can speak to, as manifests to be applied (presets/README.md). */
import { readFile, readdir } from 'node:fs/promises';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { parse } from 'yaml';
import type { JsonObject } from '#domain/request.ts';
import { table } from './cells.ts';
import { usage } from './failure.ts';
import type { CliIo } from './io.ts';
import { styleFor } from './paint.ts';

const FOLDER = new URL('../../presets/', import.meta.url);
const ENDING = '.yaml';

/** What is said of a preset. */
interface Preset {
  name: string;
  /** Its first line: the vendor, and what it sends. */
  title: string;
  channel: string;
  receipts: string;
  /** The environment that it is applied with, in the order in which it names it. */
  environment: string[];
  manifest: JsonObject;
  /** As it is written, comments included. */
  text: string;
}

/** The subcommand. It needs no server. */
export function presetCommand(providers: CommandUnknownOpts, io: CliIo): void {
  providers
    .command('presets')
    .description('vendors that need no code: list them, or print one as a manifest to apply')
    .argument('[name]')
    .option('--json', 'answer in JSON, for machines')
    .addHelpText('after', '\nExample:\n  carom providers presets infobip > infobip.yaml && carom apply infobip.yaml\n')
    .action(async (name, { json }) => {
      if (name === undefined) {
        const presets = await Promise.all((await presetNames()).map(readPreset));
        io.out(
          json ? asJson(presets.map(({ manifest: _manifest, text: _text, ...said }) => said)) : listOf(presets, io),
        );
      } else {
        const { text, ...preset } = await presetNamed(name);
        io.out(json ? asJson(preset) : text);
      }
    });
}

/** What there is, by name. */
export async function presetNames(): Promise<string[]> {
  const files = await readdir(FOLDER);
  return files
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .toSorted();
}

/** @param name one of {@link presetNames}. */
export async function readPreset(name: string): Promise<Preset> {
  const text = await readFile(new URL(`${name}${ENDING}`, FOLDER), 'utf8');
  const manifest = parse(text) as JsonObject & { providers: [{ channel: string; receipts: string }] };
  const { channel, receipts } = manifest.providers[0];
  const title = text.slice(0, text.indexOf('\n')).replace(/^# */, '');
  return { name, title, channel, receipts, environment: variablesIn(text), manifest, text };
}

async function presetNamed(name: string): Promise<Preset> {
  const names = await presetNames();
  if (names.includes(name)) return readPreset(name);
  throw usage(`there is no preset "${name}"; there are ${names.join(', ')}`);
}

/** Comments explain variables; only what is read counts. */
function variablesIn(text: string): string[] {
  const read = text.replaceAll(/^ *#.*$/gm, '');
  return [...new Set([...read.matchAll(/(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, variable]) => variable!))];
}

function listOf(presets: Preset[], io: CliIo): string {
  const rows = presets.map(({ name, channel, receipts, title }) => [name, channel, receipts, title]);
  return `${table(['preset', 'channel', 'receipts', 'vendor'], rows, styleFor(io))}\n`;
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
