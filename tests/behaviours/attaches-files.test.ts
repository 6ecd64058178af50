/** Files of a call go with its e-mails, as the vendor gets them. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import test, { after, before, describe } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';

let carom: Carom;
let vendor: HttpVendor;

const SMALL = Buffer.from('%PDF-1.7 small');
/** Some pieces in the store. */
const LARGE = randomBytes(3_500_000);

function provider(channel: string, json: object): object {
  return { id: channel, channel, type: 'http', request: { url: `${vendor.url}/${channel}`, timeout: '30s', json } };
}

before(async () => {
  [carom, vendor] = await Promise.all([startCarom(), startVendor()]);
  await carom.apply({
    account: 'shop',
    defaultRegion: 'IN',
    keys: [{ id: 'main', key: 'shop-key', scopes: ['trigger', 'read', 'admin'] }],
    providers: [
      provider('email', { to: '{{ to }}', attachments: '{{ attachments }}' }),
      provider('sms', { to: '{{ to }}', attachments: '{{ attachments }}' }),
      { id: 'sandbox', channel: 'email', type: 'sandbox' },
    ],
    campaigns: [
      { id: '~mail', state: 'running', channel: 'email', provider: 'email', subject: 'Your order', body: 'Hi' },
      { id: '8', state: 'running', channel: 'email', provider: 'email', body: 'Hi {apicontent.name}' },
      { id: '~sms', state: 'running', channel: 'sms', provider: 'sms', body: 'Hi' },
      { id: '~sandbox', state: 'running', channel: 'email', provider: 'sandbox', body: 'Hi' },
      {
        id: '~terms',
        state: 'running',
        channel: 'email',
        provider: 'email',
        body: 'Hi',
        attachments: [{ name: 'terms.txt', data: Buffer.from('the terms').toString('base64') }],
      },
    ],
  });
});
after(async () => {
  await vendor?.close();
  await carom?.stop();
});

const base64 = (content: Buffer) => content.toString('base64');
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

/** Triggers for Ana. */
function trigger(changes: object, path = '/v1/transactions'): Promise<Answer> {
  const body = { campaignIds: ['~mail'], mode: 'all', userId: 'ana', email: 'ana@example.com', phone: '+919000000001' };
  return carom.call('POST', path, { key: 'shop-key', body: { ...body, ...changes } });
}

/** What the vendor is sent. */
interface SentMail {
  to: string;
  attachments?: { name: string; type: string; base64: string }[];
}

/** What the vendor gets next. */
async function nextCall(work: () => Promise<Answer>, status = 202): Promise<SentMail> {
  const index = vendor.calls.length;
  const answer = await work();
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  return JSON.parse((await vendor.call(index)).body);
}

/** Calls Altcraft's endpoint. */
async function startBatch(body: string | FormData, headers: Record<string, string> = {}): Promise<Answer> {
  const url = `${carom.url}/api/v1.1/campaigns/triggers/start_batch`;
  const response = await fetch(url, { method: 'POST', headers, body });
  const text = await response.text();
  const isJson = response.headers.get('content-type')!.includes('json');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

describe('files of a call', () => {
  test('go with its e-mails, small and large, in base64 and as data URLs', async () => {
    const attachments = [
      { name: 'Rechnung ä.pdf', data: base64(SMALL) },
      { name: 'big.bin', data: `data:application/x-big;base64,${base64(LARGE)}` },
      { name: 'named', type: 'text/plain', data: base64(SMALL) },
    ];
    const got = await nextCall(() => trigger({ attachments, txnId: 'files-1' }));
    assert.deepEqual(got.attachments, [
      { name: 'Rechnung ä.pdf', type: 'application/pdf', base64: base64(SMALL) },
      { name: 'big.bin', type: 'application/x-big', base64: base64(LARGE) },
      { name: 'named', type: 'text/plain', base64: base64(SMALL) },
    ]);
    const view = await carom.ended('shop', 'files-1');
    assert.deepEqual(view.attachments, [
      { name: 'Rechnung ä.pdf', type: 'application/pdf', sha256: sha256(SMALL), sizeBytes: SMALL.length },
      { name: 'big.bin', type: 'application/x-big', sha256: sha256(LARGE), sizeBytes: LARGE.length },
      { name: 'named', type: 'text/plain', sha256: sha256(SMALL), sizeBytes: SMALL.length },
    ]);
  });

  test('are repeated with it, and make it another call where they differ', async () => {
    const attachments = [{ name: 'a.pdf', data: base64(LARGE) }];
    await nextCall(() => trigger({ attachments, txnId: 'files-2' }));
    const repeat = await trigger({ attachments, txnId: 'files-2' });
    assert.equal(repeat.headers.get('idempotent-replayed'), 'true');
    const other = await trigger({ attachments: [{ name: 'a.pdf', data: base64(SMALL) }], txnId: 'files-2' });
    assert.equal(other.body.code, 'txn_id_reused');
  });

  test('come after those of the campaign', async () => {
    const attachments = [{ name: 'a.pdf', data: base64(SMALL) }];
    const got = await nextCall(() => trigger({ campaignIds: ['~terms'], attachments }));
    assert.deepEqual(
      got.attachments?.map((file) => [file.name, file.type, Buffer.from(file.base64, 'base64').toString()]),
      [
        ['terms.txt', 'text/plain', 'the terms'],
        ['a.pdf', 'application/pdf', SMALL.toString()],
      ],
    );
  });

  test('go with no other channel', async () => {
    const attachments = [{ name: 'a.pdf', data: base64(SMALL) }];
    assert.deepEqual(await nextCall(() => trigger({ campaignIds: ['~sms'], attachments })), { to: '+919000000001' });
  });

  test('are shown by a dry run, and not stored', async () => {
    const attachments = [{ name: 'a.pdf', data: base64(Buffer.from('dry')) }];
    const { status, body } = await trigger({ attachments }, '/v1/transactions?dryRun=true');
    assert.equal(status, 200);
    assert.deepEqual(body.legs[0].message.attachments, [{ name: 'a.pdf', type: 'application/pdf', sizeBytes: 3 }]);
  });

  test('are refused with their index and what is wrong', async () => {
    const good = { name: 'a.pdf', data: base64(SMALL) };
    const cases: [unknown, string][] = [
      [[good, { name: 'b.pdf', data: 'QUJ*' }], 'attachments[1].data is not base64: "*" cannot stand at character 4'],
      [
        [{ name: 'b.pdf', data: `${base64(LARGE)}QQ` }],
        'attachments[0].data is not base64: "Q" cannot stand at character 4666669',
      ],
      [[{ name: 'b.pdf', data: 'QUI' }], 'attachments[0].data is not base64: characters are missing at its end'],
      [
        [{ name: 'b.pdf', data: '' }],
        'attachments[0].data is empty; give the content of the file, or leave the file out',
      ],
      [
        [{ name: '../b', data: 'QUJD' }],
        'attachments[0].name must have no slashes, backslashes and control characters',
      ],
      [[{ data: 'QUJD' }], 'attachments[0].name must be the name of the file, such as "a.pdf"'],
      [
        [{ name: 'b', type: 'pdf', data: 'QUJD' }],
        'attachments[0].type must be a media type such as "application/pdf"',
      ],
      [[{ name: 'b', url: 'x', data: 'QUJD' }], 'attachments[0].url is not known; a file has a name, data and a type'],
      [['QUJD'], 'attachments[0] must be a file such as {"name": "a.pdf", "data": "<base64>"}'],
      [Array.from({ length: 21 }, () => good), 'attachments has 21 files; at most 20 are allowed'],
    ];
    for (const [attachments, detail] of cases) {
      const { status, body } = await trigger({ attachments });
      assert.deepEqual([status, body.detail], [400, detail]);
    }
    const tooMany = await trigger({ campaignIds: ['~terms'], attachments: Array.from({ length: 20 }, () => good) });
    assert.match(tooMany.body.detail, /^a message would have 21 files; at most 20 are allowed/);
  });

  test('are limited to 100 MB, and the rest of the call to 1 MB', async () => {
    const data = base64(Buffer.alloc(53_000_000));
    const files = await trigger({
      attachments: [
        { name: 'a', data },
        { name: 'b', data },
      ],
    });
    assert.equal(files.status, 413);
    const rest = await trigger({
      attachments: [{ name: 'a', data: base64(LARGE) }],
      params: { long: 'x'.repeat(1_048_576) },
    });
    assert.equal(rest.status, 413);
  });
});

describe("files of a call in Altcraft's language", () => {
  const sent = { error: 0, error_text: 'Successful operation', result: [{ profile_id: 'ana' }] };
  const files = [
    { name: 'a.pdf', type: 'application/pdf', base64: base64(LARGE) },
    { name: 'b.txt', type: 'text/plain', base64: base64(SMALL) },
  ];
  let calls = 0;

  /** A call that was not made before. */
  const call = (more: object = {}) => ({
    token: 'shop-key',
    trigger_id: 8,
    matching: 'email',
    content: { call: calls++ },
    data: [{ email: 'ana@example.com' }],
    ...more,
  });

  before(async () => {
    const body = { email: 'ana@example.com' };
    const { status } = await carom.call('PUT', '/v1/profiles/ana', { key: 'shop-key', body });
    assert.ok(status < 300);
  });

  test('are taken from JSON', async () => {
    const attach = [
      { header: 'a.pdf', data: base64(LARGE) },
      { name: 'b.txt', data: `data:text/plain;base64,${base64(SMALL)}` },
    ];
    const got = await nextCall(async () => {
      const answer = await startBatch(JSON.stringify(call({ attach })));
      assert.deepEqual(answer.body, sent);
      return answer;
    }, 200);
    assert.deepEqual(got.attachments, files);
  });

  test('are taken from XML, also one alone', async () => {
    const xml = (attach: string) =>
      `<xml><token>shop-key</token><trigger_id>8</trigger_id><format>json</format><content><call>${calls++}</call></content>` +
      `<data><email>ana@example.com</email></data>${attach}</xml>`;
    const one = `<attach><header>a.pdf</header><data>\n${base64(LARGE).replace(/.{76}/g, '$&\n')}</data></attach>`;
    const other = `<attach><name>b.txt</name><data>${base64(SMALL)}</data></attach>`;
    assert.deepEqual((await nextCall(() => startBatch(xml(one + other)), 200)).attachments, files);
    assert.deepEqual((await nextCall(() => startBatch(xml(other)), 200)).attachments, [files[1]]);
  });

  test('are taken from other parts of a form', async () => {
    for (const text of [
      JSON.stringify(call({ attach: [{ header: 'a.pdf', data: base64(LARGE) }] })),
      JSON.stringify(call()),
    ]) {
      const form = new FormData();
      form.append('file', new Blob([SMALL]), 'b.txt');
      form.append('request', text);
      form.append('more', new Blob([LARGE], { type: 'image/png' }), 'Größe.png');
      const got = await nextCall(() => startBatch(form), 200);
      const inBody = text.includes('a.pdf') ? [files[0]] : [];
      const last = { name: 'Größe.png', type: 'image/png', base64: base64(LARGE) };
      assert.deepEqual(got.attachments, [...inBody, files[1], last]);
    }
  });

  test('tell one call from another', async () => {
    const text = (content: Buffer) =>
      JSON.stringify({ ...call(), content: {}, attach: [{ header: 'a', data: base64(content) }] });
    const other = Buffer.from(LARGE);
    other[0] = other[0]! ^ 1;
    const form = () => {
      const made = new FormData();
      made.append('request', text(SMALL));
      made.append('file', new Blob([LARGE]), 'b.bin');
      return made;
    };
    const isDuplicate = ({ headers }: Answer) => headers.get('duplicate-request');
    for (const body of [() => text(LARGE), () => text(SMALL), form]) {
      assert.equal(isDuplicate(await startBatch(body())), null);
      const repeat = await startBatch(body());
      assert.deepEqual([isDuplicate(repeat), repeat.body], ['true', sent]);
    }
    assert.equal(isDuplicate(await startBatch(text(other))), null);
  });

  test('are limited to 100 MB, and the rest of the call to 10 MB', async () => {
    const tooLarge = { error: 400, error_debug: 'http: request body too large', error_text: 'Invalid request' };
    const data = base64(Buffer.alloc(53_000_000));
    const attach = [
      { name: 'a', data },
      { name: 'b', data },
    ];
    assert.deepEqual((await startBatch(JSON.stringify(call({ attach })))).body, tooLarge);
    const form = new FormData();
    form.append('request', JSON.stringify(call()));
    for (const name of ['a', 'b']) form.append('file', new Blob([Buffer.alloc(53_000_000)]), name);
    assert.deepEqual((await startBatch(form)).body, tooLarge);
    const long = { content: { long: 'x'.repeat(10_485_760) }, attach: [{ name: 'a', data: base64(LARGE) }] };
    assert.deepEqual((await startBatch(JSON.stringify(call(long)))).body, tooLarge);
  });

  test('are refused with their index and what is wrong', async () => {
    const cases: [object[], string][] = [
      [
        [
          { header: 'a', data: 'QUJD' },
          { header: 'b', data: 'QU!D' },
        ],
        'attach[1].data is not base64: "!" cannot stand at character 3',
      ],
      [[{ data: 'QUJD' }], 'attach[0].header must be the name of the file, such as "a.pdf"'],
    ];
    for (const [attach, text] of cases) {
      const { status, body } = await startBatch(JSON.stringify(call({ attach })));
      assert.equal(status, 400);
      assert.ok(JSON.stringify(body).includes(JSON.stringify(text).slice(1, -1)), JSON.stringify(body));
    }
    const noCall = new FormData();
    noCall.append('file', new Blob([SMALL]), 'a.pdf');
    assert.equal((await startBatch(noCall, { authorization: 'Bearer shop-key' })).status, 400);
    const type = { 'content-type': 'multipart/form-data; boundary=x', authorization: 'Bearer shop-key' };
    for (const body of ['', 'no form', '--x\r\n\r\ncut']) assert.equal((await startBatch(body, type)).status, 400);
    assert.equal((await startBatch('x', { ...type, 'content-type': 'multipart/form-data' })).status, 400);
  });
});
