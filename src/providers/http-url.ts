/** The address of an `http` provider: scheme, host and port as they are written, path and query rendered. */
import type { JsonObject } from '#domain/request.ts';
import type { Templates } from '#ports/templates.ts';
import { ContentError, compileSetting } from './http-template.ts';
import { SettingsFault, readText } from './settings.ts';

const ORIGIN = /^https?:\/\/[^/?#{}\s@\\]+(?=[/?{]|$)/i;
/** A value on its own between two slashes could climb out of its directory, encoded or not. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?=[/?]|$)/i;

/**
 * Reads `url`. Values are percent-encoded, so that none can leave its place.
 * @throws {SettingsFault}
 */
export function readUrl(
  request: JsonObject,
  templates: Templates,
): { origin: string; path: (context: JsonObject) => string } {
  const url = readText(request, 'url', 'request');
  if (url === null) throw new SettingsFault('request.url', 'is missing: give the address that takes messages');
  const start = ORIGIN.exec(url)?.[0];
  if (start === undefined || !URL.canParse(start)) {
    throw new SettingsFault(
      'request.url',
      'must start with http:// or https:// and a host written out (no template, no user name), as in https://api.example.com/send',
    );
  }
  const rest = url.slice(start.length);
  if (!/^([/?]|$)/.test(rest))
    throw new SettingsFault('request.url', 'needs a "/" after the host, before anything rendered');
  if (rest.includes('#') && !rest.includes('{'))
    throw new SettingsFault('request.url', 'has a "#": that part is never sent; leave it out');
  const template = compileSetting(templates, rest.startsWith('/') ? rest : `/${rest}`, 'url', 'request.url');
  return { origin: new URL(start).origin, path: (context) => checkedPath(template.render(context)) };
}

function checkedPath(path: string): string {
  if (/[^\x21-\x7e]/.test(path)) throw new ContentError('the url has a character that must be percent-encoded');
  if (DOT_SEGMENT.test(path)) throw new ContentError('the url has a "." or ".." between its slashes');
  return path;
}
