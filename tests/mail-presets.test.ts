/** What presets of e-mail do with files: they take them along, or refuse the message; they never send it without. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseManifest } from '#cli/manifest-source.ts';
import { readPreset } from '#cli/presets.ts';
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import { httpProvider } from '#providers/http.ts';
import { json, startVendor } from './support/http-vendor.ts';
import type { HttpVendor } from './support/http-vendor.ts';
import { outgoing, providerConfig, testTools } from './support/provider-tools.ts';

const CONTENT = Buffer.from(Array.from({ length: 100_001 }, (_, index) => index % 251));
const FILE = {
  name: 'invoice "7".pdf',
  type: 'application/pdf',
  sizeBytes: CONTENT.length,
  content: async () => CONTENT,
};

describe('files', () => {
  let vendor: HttpVendor;
  before(async () => {
    vendor = await startVendor();
    vendor.answering = json(200, { ErrorCode: 0, MessageID: 'p-1', id: '<m-1>' });
  });
  after(() => vendor.close());

  /** Sends by a preset whose vendor is on the loopback. */
  async function send(name: string, environment: Record<string, string>, changes: Partial<OutgoingMessage>) {
    const { text } = await readPreset(name);
    const { documents } = parseManifest('preset', text, environment);
    const [{ request, response, receipt }] = (documents[0]!.content as unknown as { providers: [JsonObject] })
      .providers;
    const settings = { request, response, receipt } as JsonObject;
    const { pathname } = new URL((request as { url: string }).url);
    const here = { ...settings, request: { ...(request as JsonObject), url: `${vendor.url}${pathname}` } };
    const provider = httpProvider.open(providerConfig('http', here), testTools());
    const message = outgoing({
      channel: 'email',
      to: 'ana@example.org',
      from: 'shop@example.com',
      subject: 'Hi',
      ...changes,
    });
    const outcome = await provider.send(message);
    await provider.close();
    return outcome;
  }

  test('go to Postmark', async () => {
    const outcome = await send(
      'postmark',
      { POSTMARK_TOKEN: 't0ken' },
      { attachments: [FILE, { ...FILE, name: 'b.pdf' }] },
    );
    assert.deepEqual(outcome, { kind: 'accepted', ref: 'p-1' });
    const { Attachments } = JSON.parse(vendor.calls.at(-1)!.body) as { Attachments: Record<string, string>[] };
    const Content = CONTENT.toString('base64');
    assert.deepEqual(Attachments, [
      { Name: FILE.name, ContentType: FILE.type, Content },
      { Name: 'b.pdf', ContentType: FILE.type, Content },
    ]);
  });

  test('do not go to Mailgun, and neither does their message', async () => {
    const environment = {
      MAILGUN_DOMAIN: 'mg.example.com',
      MAILGUN_API_KEY: 'k3y',
      MAILGUN_URL: 'https://api.mailgun.net',
    };
    const calls = vendor.calls.length;
    const outcome = await send('mailgun', environment, { attachments: [FILE] });
    assert(outcome.kind === 'rejected' && outcome.reason === 'invalid_content' && !outcome.retryable);
    assert.equal(vendor.calls.length, calls);
    assert.deepEqual(await send('mailgun', environment, {}), { kind: 'accepted', ref: '<m-1>' });
    assert.equal(vendor.calls.at(-1)!.headers['x-refuses-files'], undefined);
  });
});
