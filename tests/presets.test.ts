/** Presets are tested like code: each is read as a manifest, opened, and held against what its vendor documents. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseManifest } from '#cli/manifest-source.ts';
import { presetNames, readPreset } from '#cli/presets.ts';
import type { JsonObject } from '#domain/request.ts';
import { CallbackError } from '#ports/provider.ts';
import type { Provider, SendOutcome } from '#ports/provider.ts';
import { httpProvider } from '#providers/http.ts';
import { startVendor } from './support/http-vendor.ts';
import type { HttpVendor } from './support/http-vendor.ts';
import { MESSAGE_ID, RECEIPT_URL, bytesOf, fixtureNames, readFixture } from './support/preset-fixture.ts';
import type { PresetFixture } from './support/preset-fixture.ts';
import { outgoing, providerConfig, testTools } from './support/provider-tools.ts';

/** What its only provider has beside its settings. */
const COMMON = ['id', 'channel', 'type', 'receipts', 'retry', 'limits'];

test('each preset has its fixture, and each fixture its preset', async () => {
  assert.deepEqual(await fixtureNames(), await presetNames());
});

for (const name of await presetNames()) {
  const { title, environment, text } = await readPreset(name);
  const fixture = await readFixture(name);

  describe(`the preset ${name}`, () => {
    const { templates, ...tools } = testTools();
    let vendor: HttpVendor;
    let provider: Provider;
    let settings: JsonObject;

    before(async () => {
      vendor = await startVendor();
      settings = settingsOf(text, fixture);
      assert.equal(httpProvider.faultOf(settings, templates), null);
      const config = providerConfig('http', goingTo(vendor.url, settings, fixture.origin));
      provider = httpProvider.open(config, { templates, ...tools });
    });
    after(async () => {
      await vendor.close();
      await provider.close();
    });

    test('says in its first line what it is, and before its first field where each variable is found', () => {
      assert.match(title, /^[^:]+: [^.]+\.$/);
      const head = text.slice(0, text.search(/^\w/m));
      for (const variable of environment) assert.match(head, new RegExp(`^# ${variable} +\\w`, 'm'));
      assert.deepEqual(Object.keys(fixture.environment).toSorted(), environment.toSorted());
    });

    test('shows none of its credentials again', () => {
      const hidden = httpProvider.secrets.map(
        (path) => new RegExp(`^${path.replaceAll('.', '\\.').replace('*', '.*')}$`),
      );
      const shown = leavesOf(settings).filter(([path]) => !hidden.some((one) => one.test(path)));
      for (const [variable, value] of Object.entries(fixture.environment)) {
        if (!/KEY|SECRET|TOKEN|PASSWORD/.test(variable)) continue;
        for (const [path, leaf] of shown) assert(!leaf.includes(value), `${path} shows ${variable}`);
      }
    });

    for (const { what, message, method, path, headers = {}, ...body } of fixture.requests)
      test(`asks for ${what} as the vendor wants it`, async () => {
        const calls = vendor.calls.length;
        await send(provider, message);
        const call = await vendor.call(calls);
        assert.deepEqual([call.method, call.url], [method, path]);
        for (const [header, value] of Object.entries(headers)) assert.equal(call.headers[header], value);
        if (body.json !== undefined) assert.deepEqual(JSON.parse(call.body), body.json);
        else if (body.form) assert.deepEqual(Object.fromEntries(new URLSearchParams(call.body)), body.form);
        else assert.equal(call.body, body.text ?? '');
      });

    for (const { what, status = 200, headers, outcome, ...body } of fixture.answers)
      test(`knows the answer: ${what}`, async () => {
        const { raw, contentType } = bytesOf(body);
        vendor.answering = (response) =>
          response.writeHead(status, { 'content-type': contentType, ...headers }).end(raw);
        const came = await send(provider, fixture.requests[0]?.message);
        assert.deepEqual(came, { ...('detail' in came && { detail: came.detail }), ...outcome });
      });

    test('does not know what became of a message for which the answer is somebody else’s', async () => {
      vendor.answering = (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>');
      const outcome = await send(provider, fixture.requests[0]?.message);
      assert.deepEqual(outcome, { kind: 'unknown', reason: 'unreadable_answer' });
    });

    for (const { what, receipts, refused, query = {}, ...body } of fixture.callbacks ?? [])
      test(`knows the callback: ${what}`, async () => {
        const { raw, contentType, parsed } = bytesOf(body);
        const [headers, all] = [{ 'content-type': contentType }, { message: MESSAGE_ID, ...query }];
        const reading = provider.parseReceipts({
          method: 'POST',
          url: RECEIPT_URL,
          headers,
          query: all,
          body: parsed,
          raw,
        });
        if (refused) await assert.rejects(reading, CallbackError);
        else assert.deepEqual(await reading, receipts);
      });

    test('has a callback for each status that it knows', () => {
      const { statuses = {} } = (settings['receipt'] ?? {}) as { statuses?: JsonObject };
      const bodies = (fixture.callbacks ?? []).map((one) => JSON.stringify([bytesOf(one).parsed, one.query ?? {}]));
      for (const word of Object.keys(statuses))
        assert(
          bodies.some((body) => new RegExp(`[":\\\\]${word}[",\\\\}]`).test(body)),
          `no callback has the status ${word}`,
        );
      const isOneKnown = (receipts: unknown[] = []) => receipts.length > 0;
      if (settings['receipt']) assert(fixture.callbacks?.some(({ receipts }) => isOneKnown(receipts)));
    });
  });
}

function send(provider: Provider, message = {}): Promise<SendOutcome> {
  return provider.send(outgoing({ ...message, messageId: MESSAGE_ID, receiptUrl: RECEIPT_URL }));
}

/** Reads it as `carom apply` does. */
function settingsOf(text: string, { environment }: PresetFixture): JsonObject {
  const { documents, faults } = parseManifest('preset', text, environment);
  assert.deepEqual(faults, []);
  assert.equal(documents.length, 1);
  const { providers, ...others } = documents[0]!.content as unknown as { providers: [JsonObject] };
  assert.deepEqual([Object.keys(others), providers.length, providers[0]['type']], [[], 1, 'http']);
  return Object.fromEntries(Object.entries(providers[0]).filter(([key]) => !COMMON.includes(key)));
}

/** The same, for a vendor elsewhere. */
function goingTo(url: string, settings: JsonObject, origin: string): JsonObject {
  const request = settings['request'] as { url: string };
  assert(request.url.startsWith(`${origin}/`), `${request.url} is not at ${origin}`);
  return { ...settings, request: { ...request, url: url + request.url.slice(origin.length) } };
}

function leavesOf(value: unknown, path = ''): [path: string, leaf: string][] {
  if (typeof value !== 'object' || value === null) return [[path, String(value)]];
  return Object.entries(value).flatMap(([key, one]) => leavesOf(one, path === '' ? key : `${path}.${key}`));
}
