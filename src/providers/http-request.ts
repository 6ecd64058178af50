/** What an `http` provider sends: the `request` of its settings, compiled once, rendered for each message. */
import type { MessageId } from '#domain/ids.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import type { Template, Templates } from '#ports/templates.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { sendable } from './body-weight.ts';
import { MESSAGE_NAMES, compileJson } from './http-json.ts';
import { ContentError, compileSetting } from './http-template.ts';
import { readUrl } from './http-url.ts';
import { SettingsFault, assertKeys, below, isObject, readDurationMs, readObject, readText } from './settings.ts';

/** How long a call may take in all, from handing it over to the last byte of the answer. */
const TIMEOUT = { min: 10, max: 120_000, default: 10_000 };

const METHODS = ['POST', 'GET', 'PUT', 'PATCH', 'DELETE'] as const;
const CONTENT_TYPES = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  body: 'text/plain; charset=utf-8',
};
/** Set by Carom itself, or by the connection. */
const RESERVED_HEADERS = [
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'idempotency-key',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** A request ready to be written. */
export interface RenderedRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body: string | null;
}

/** A compiled request, of whatever its templates may see. */
export interface CompiledRequest {
  /** Scheme, host and port: written out in the settings, never rendered. */
  origin: string;
  timeoutMs: number;
  /** @throws {TemplateError | ContentError} */
  render(context: JsonObject, messageId: MessageId): RenderedRequest;
}

/** The compiled `request` of a provider. */
export interface RequestPlan extends Pick<CompiledRequest, 'origin' | 'timeoutMs'> {
  /** Whether its templates mention the files of a message. */
  mentionsFiles: boolean;
  /** @param files as templates see them. @throws {TemplateError | ContentError} */
  render(message: OutgoingMessage, secrets: JsonObject, files: JsonObject[] | null): RenderedRequest;
}

type Part<Value> = (context: JsonObject) => Value;

/** @throws {SettingsFault} */
export function readRequest(settings: JsonObject, templates: Templates): RequestPlan {
  const request = readObject(settings, 'request', '');
  if (!request) throw new SettingsFault('request', 'is missing: name at least its url');
  const { render, ...plan } = compileRequest(request, templates, { timeoutMs: TIMEOUT, names: MESSAGE_NAMES });
  return {
    ...plan,
    mentionsFiles: JSON.stringify(request).includes('attachments'),
    render: (message, secrets, files) =>
      render({ ...contextOf(message, secrets), attachments: files }, message.messageId),
  };
}

/**
 * Compiles a request, whose faults are told below `request`.
 * @param names what a `{{ name }}` that stands for the value itself may name; null: anything.
 * @throws {SettingsFault}
 */
export function compileRequest(
  request: JsonObject,
  templates: Templates,
  { timeoutMs, names }: { timeoutMs: typeof TIMEOUT; names: readonly string[] | null },
): CompiledRequest {
  assertKeys(request, ['method', 'url', 'headers', 'basicAuth', 'timeout', 'json', 'form', 'body'], 'request');
  const method = readMethod(request);
  const { origin, path } = readUrl(request, templates);
  const { body, contentType } = readBody(request, method, templates, names);
  const headers = readHeaders(request, contentType, templates);
  const authorization = readBasicAuth(request, templates);
  return {
    origin,
    timeoutMs: readDurationMs(request, 'timeout', 'request', timeoutMs),
    render: (context, messageId) =>
      templates.together(() => ({
        method,
        path: path(context),
        headers: { ...headers(context), ...authorization(context), 'idempotency-key': messageId },
        body: body(context),
      })),
  };
}

function readMethod(request: JsonObject): RenderedRequest['method'] {
  const text = readText(request, 'method', 'request') ?? 'POST';
  const method = METHODS.find((known) => known === text.toUpperCase());
  if (!method) throw new SettingsFault('request.method', `"${text}" is not known; use ${METHODS.join(', ')}`);
  return method;
}

function readBody(
  request: JsonObject,
  method: string,
  templates: Templates,
  names: readonly string[] | null,
): { body: Part<string | null>; contentType: string | null } {
  const kinds = (['json', 'form', 'body'] as const).filter((key) => request[key] !== undefined);
  const [kind] = kinds;
  if (kinds.length > 1)
    throw new SettingsFault(`request.${kinds[1]}`, `stands beside ${kind}; keep one of json, form and body`);
  if (kind === undefined) return { body: () => null, contentType: null };
  if (method === 'GET')
    throw new SettingsFault(`request.${kind}`, 'cannot go with GET; use POST, or put the values into the url');
  const contentType = CONTENT_TYPES[kind];
  if (kind === 'body') {
    const template = compileSetting(templates, readText(request, 'body', 'request')!, 'none', 'request.body');
    return { body: (context) => template.render(context), contentType };
  }
  if (kind === 'form') readObject(request, 'form', 'request');
  const json = compileJson(request[kind]!, { templates, names }, `request.${kind}`);
  return {
    body:
      kind === 'json'
        ? (context) => JSON.stringify(sendable(json(context) ?? null))
        : (context) => formOf(sendable(json(context))),
    contentType,
  };
}

function formOf(fields: Json | undefined): string {
  const form = new URLSearchParams();
  if (isObject(fields)) {
    for (const [name, value] of Object.entries(fields)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== null) form.append(name, typeof one === 'object' ? JSON.stringify(one) : String(one));
      }
    }
  }
  return form.toString();
}

function readHeaders(
  request: JsonObject,
  contentType: string | null,
  templates: Templates,
): Part<Record<string, string>> {
  const headers = readObject(request, 'headers', 'request') ?? {};
  const fixed: Record<string, string> = {
    'user-agent': 'carom',
    ...(contentType === null ? {} : { 'content-type': contentType }),
  };
  const rendered = Object.keys(headers).map((key) => {
    const path = below('request.headers', key);
    const name = key.toLowerCase();
    if (!HEADER_NAME.test(key)) throw new SettingsFault(path, 'is no header name');
    if (RESERVED_HEADERS.includes(name)) throw new SettingsFault(path, 'is set by Carom; leave it out');
    return { name, template: compileSetting(templates, readText(headers, key, 'request.headers')!, 'none', path) };
  });
  return (context) => {
    const values = { ...fixed };
    for (const { name, template } of rendered) {
      const value = template.render(context).trim();
      if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
        throw new ContentError(`the header ${name} would get a line break or a character that headers cannot hold`);
      if (value !== '') values[name] = value;
    }
    return values;
  };
}

/** RFC 7617: the header that a user name and a password make. */
function readBasicAuth(request: JsonObject, templates: Templates): Part<Record<string, string>> {
  const basicAuth = readObject(request, 'basicAuth', 'request');
  if (!basicAuth) return () => ({});
  const path = 'request.basicAuth';
  assertKeys(basicAuth, ['username', 'password'], path);
  if (Object.keys(readObject(request, 'headers', 'request') ?? {}).some((key) => key.toLowerCase() === 'authorization'))
    throw new SettingsFault(path, 'stands beside a header Authorization; keep one of them');
  const [username, password] = (['username', 'password'] as const).map((key) =>
    compileSetting(templates, readText(basicAuth, key, path) ?? '', 'none', below(path, key)),
  ) as [Template, Template];
  return (context) => {
    const credentials = Buffer.from(`${username.render(context)}:${password.render(context)}`);
    return { authorization: `Basic ${credentials.toString('base64')}` };
  };
}

/** What the templates of a request see. */
function contextOf(message: OutgoingMessage, secrets: JsonObject): JsonObject {
  const { to, from, body, html, subject, title, url, data, channel, template, image, headers } = message;
  return {
    to,
    from,
    body,
    html,
    subject,
    title,
    url,
    data,
    channel,
    template,
    image,
    headers,
    secrets,
    reply_to: message.replyTo,
    unsubscribe_url: message.unsubscribeUrl,
    message_id: message.messageId,
    receipt_url: message.receiptUrl,
    txn_id: message.txnId,
    campaign_id: message.campaignId,
    user_id: message.userId,
  };
}
