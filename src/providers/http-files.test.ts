/** The files of a message, as a vendor gets them. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { after, before, describe } from 'node:test';
import type { JsonObject } from '#domain/request.ts';
import { FileMissingError } from '#ports/file-store.ts';
import type { OutgoingFile, Provider, SendOutcome } from '#ports/provider.ts';
import { startVendor } from '../../tests/support/http-vendor.ts';
import type { HttpVendor } from '../../tests/support/http-vendor.ts';
import { outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import { httpProvider } from './http.ts';

let vendor: HttpVendor;
const opened: Provider[] = [];
before(async () => {
  vendor = await startVendor();
});
after(async () => {
  await Promise.all(opened.map((provider) => provider.close()));
  await vendor.close();
});

const CONTENTS = [randomBytes(100_000), Buffer.from('?>?>'), Buffer.from('é')];
let reads = 0;

function files(contents = CONTENTS): OutgoingFile[] {
  return contents.map((content, index) => ({
    name: `ä${index}.pdf`,
    type: 'application/pdf',
    sizeBytes: content.length,
    content: async () => {
      reads++;
      return content;
    },
  }));
}

/** Sends a message with these files through a request of these settings. */
async function send(request: JsonObject, attachments: OutgoingFile[] | null = files()): Promise<SendOutcome> {
  const config = providerConfig('http', { request: { url: `${vendor.url}/send`, ...request } });
  const provider = httpProvider.open(config, testTools());
  opened.push(provider);
  return provider.send(outgoing({ channel: 'email', attachments }));
}

const accepted = { kind: 'accepted', ref: null };
const BASE64 = CONTENTS.map((content) => content.toString('base64'));
const lastBody = () => vendor.calls.at(-1)!.body;

describe('the files of a message', () => {
  test('are a list in JSON, where it is named', async () => {
    assert.deepEqual(await send({ json: { to: '{{ to }}', attachments: '{{ attachments }}' } }), accepted);
    assert.deepEqual(JSON.parse(lastBody()), {
      to: '+919999999999',
      attachments: BASE64.map((base64, index) => ({ name: `ä${index}.pdf`, type: 'application/pdf', base64 })),
    });
    assert.equal(vendor.calls.at(-1)!.headers['content-length'], String(Buffer.byteLength(lastBody())));
  });

  test('are there for any text, in the order in which it wants them', async () => {
    const body =
      '{% for file in attachments|reverse %}{{ file.name }}:{{ file.base64 }};{% endfor %}{{ attachments|length }}';
    assert.deepEqual(await send({ body }), accepted);
    const all = BASE64.map((base64, index) => `ä${index}.pdf:${base64};`).toReversed();
    assert.equal(lastBody(), `${all.join('')}3`);
  });

  test('are encoded in a form', async () => {
    assert.deepEqual(
      await send({ form: { file: '{{ attachments[1].base64 }}', big: '{{ attachments[0].base64 }}' } }),
      accepted,
    );
    const form = new URLSearchParams(lastBody());
    assert.deepEqual([form.get('file'), form.get('big')], [BASE64[1], BASE64[0]]);
  });

  test('are not read where nothing names them', async () => {
    reads = 0;
    assert.deepEqual(await send({ json: { to: '{{ to }}' } }), accepted);
    assert.deepEqual(
      await send({ json: { names: '{% for file in attachments %}{{ file.name }}{% endfor %}' } }),
      accepted,
    );
    assert.deepEqual(JSON.parse(lastBody()), { names: 'ä0.pdfä1.pdfä2.pdf' });
    assert.equal(reads, 0);
  });

  test('that are none are left out', async () => {
    assert.deepEqual(await send({ json: { to: '{{ to }}', attachments: '{{ attachments }}' } }, null), accepted);
    assert.deepEqual(JSON.parse(lastBody()), { to: '+919999999999' });
  });

  test('cannot stand in a header or an address', async () => {
    const requests: JsonObject[] = [
      { headers: { 'x-file': '{{ attachments[0].base64 }}' } },
      { url: `${vendor.url}/{{ attachments[0].base64 }}` },
    ];
    for (const request of requests) {
      const outcome = await send(request);
      assert.equal(outcome.kind === 'rejected' && outcome.reason, 'invalid_content');
    }
  });

  test('that are gone are the caller to be told of', async () => {
    const gone = { ...files()[0]!, content: () => Promise.reject(new FileMissingError('gone')) };
    await assert.rejects(send({ json: { attachments: '{{ attachments }}' } }, [gone]), FileMissingError);
  });

  test('may be refused by a vendor before he has read them', async () => {
    // It answers as soon as it has seen the headers.
    const hasty = createServer((_, response) => response.writeHead(413).end()).listen(0, '127.0.0.1');
    await once(hasty, 'listening');
    const url = `http://127.0.0.1:${(hasty.address() as AddressInfo).port}`;
    const outcome = await send({ url, json: { attachments: '{{ attachments }}' } }, files([randomBytes(20_000_000)]));
    hasty.closeAllConnections();
    hasty.close();
    assert.deepEqual(outcome, { kind: 'rejected', reason: 'http_413', detail: null, retryable: false });
  });
});
