/** A file of recipients becomes a batch: all of it or nothing; bad rows are told of, good ones processed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { times } from '../support/acceptance.ts';
import type { Answer, Carom } from '../support/carom.ts';
import { eventually, startCarom } from '../support/carom.ts';
import { openChain } from '../support/chain.ts';
import type { Chain, LegSetup } from '../support/chain.ts';

const CSV = 'text/csv';
const NDJSON = 'application/x-ndjson';

let carom: Carom;
before(async () => {
  carom = await startCarom();
});
after(() => carom.stop());

type Scope = Parameters<typeof openChain>[0];

/** A chain of one SMS, and what tests do with files for its account. */
async function scene(scope: Scope, leg: LegSetup = {}) {
  const chain = await openChain(scope, carom, { sms: leg });
  const account = `account=${chain.account}`;
  const post = (body: string | Buffer, query = '', type = CSV, headers: Record<string, string> = {}): Promise<Answer> =>
    sendFile(`/v1/batches?${account}&campaignIds=~sms${query}`, body, type, headers);
  const read = async (path: string): Promise<Answer['body']> =>
    (await carom.call('GET', `/v1/batches${path}${path.includes('?') ? '&' : '?'}${account}`)).body;
  return {
    chain,
    account,
    post,
    read,
    accepted: async (...given: Parameters<typeof post>): Promise<Answer['body']> => {
      const answer = await post(...given);
      assert.equal(answer.status, 202, JSON.stringify(answer.body));
      return answer.body;
    },
    ended: (id: string) =>
      eventually(
        () => read(`/${id}?limit=200`),
        ({ endedAt }) => endedAt !== null,
      ),
    profile: async (userId: string, fields: object) => {
      const answer = await carom.call('PUT', `/v1/profiles/${userId}?${account}`, { body: fields });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
    },
  };
}

async function sendFile(
  path: string,
  body: string | Buffer,
  type: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(carom.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${carom.adminKey}`, 'content-type': type, ...headers },
    body: new Uint8Array(Buffer.from(body)),
  });
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}

/** A file whose pieces the test sends one by one. */
function openFile(path: string): ClientRequest {
  return httpRequest(carom.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${carom.adminKey}`, 'content-type': CSV },
  });
}

/** What the vendor was told to send, as `to: text`. */
function sent({ handovers }: Chain): string[] {
  return handovers.map(({ to, text }) => `${to}: ${text}`).toSorted();
}

const phoneOf = (index: number) => `+9198${String(76_500_000 + index)}`;
const body = '{{ greeting }} {{ name }}, {{ city }}';

test('CSV as a spreadsheet writes it: a BOM, semicolons, quotes, line breaks in cells, empty cells', async (t) => {
  const { chain, accepted, ended } = await scene(t, { campaign: { body } });
  const file = [
    '\ufeffUser ID;Phone;name;city;greeting',
    `ana;${phoneOf(1)};"Ana ""A"" Rao";"Pune; West";Hi`,
    '',
    `bob;${phoneOf(2)};"Bob\nB";Goa;`,
    `"cy";"${phoneOf(3)}";Cÿ;"";Hey`,
  ].join('\r\n');
  const params = encodeURIComponent(JSON.stringify({ greeting: 'Hello', city: 'Delhi' }));
  const batch = await accepted(file, `&params=${params}`);
  assert.deepEqual([batch.total, batch.badRows, batch.targetBy, batch.mode], [3, 0, 'user_id', 'all']);
  await ended(batch.id);
  assert.deepEqual(sent(chain), [
    `${phoneOf(1)}: Hi Ana "A" Rao, Pune; West`,
    `${phoneOf(2)}: Hello Bob\nB, Goa`,
    `${phoneOf(3)}: Hey Cÿ, Delhi`,
  ]);
});

test('the header says whom the rows name, unless the call does', async (t) => {
  const { chain, profile, accepted, ended } = await scene(t, { campaign: { body: '{{ first_name }} {{ userId }}' } });
  await profile('ana', { firstName: 'Ana', email: 'ana@x.org', phone: phoneOf(1), internalId: 7 });
  const users = async (file: string, query = '') => {
    const { targetBy, id } = await accepted(file, query);
    const { recipients } = await ended(id);
    return [targetBy, ...recipients.map(({ userId, reason }: Record<string, unknown>) => userId ?? reason)];
  };
  const named: [file: string, query: string, found: string[]][] = [
    ['email,x\nANA@x.org,1\nzoe@x.org,1\n', '', ['email', 'ana', 'unknown_user']],
    [`phone\n${phoneOf(1)}\n`, '', ['phone', 'ana']],
    ['internal_id\n7\n', '', ['internal_id', 'ana']],
    ['target\nana\n', '', ['user_id', 'ana']],
    ['userId,email\nbob,ana@x.org\n', '&targetBy=email', ['email', 'ana']],
    ['target\n7\n', '&targetBy=internal_or_user_id', ['internal_or_user_id', 'ana']],
  ];
  const found = named.map(([file, query]) => users(file, `&unknownUsers=skip${query}`));
  assert.deepEqual(
    await Promise.all(found),
    named.map(([, , expected]) => expected),
  );
  assert(sent(chain).includes(`${phoneOf(1)}: Ana bob`), 'a column that names nobody is a parameter');
});

test('NDJSON has a recipient of the JSON API in each line', async (t) => {
  const { chain, accepted, ended } = await scene(t, { campaign: { body: '{{ order.lines[1] }}{{ n }}' } });
  const lines = [
    { userId: 'ana', phone: phoneOf(1), params: { order: { lines: ['a', 'b'] } } },
    { target: 4_711, phone: phoneOf(2), params: { n: 5 } },
  ].map((each) => JSON.stringify(each));
  const batch = await accepted(`\ufeff${lines.join('\r\n')}\n\n`, '', NDJSON);
  assert.deepEqual([batch.total, batch.badRows], [2, 0]);
  await ended(batch.id);
  assert.deepEqual(sent(chain), [`${phoneOf(1)}: b`, `${phoneOf(2)}: 5`]);
});

test('bad rows of a CSV file are refused with line and reason, the others are sent to', async (t) => {
  const { chain, accepted, read, ended } = await scene(t, { campaign: { body: '{{ name }}' } });
  const rows = [
    `ana,${phoneOf(1)},,Ana`,
    'bob,+1',
    `cy,${phoneOf(3)},,Cy,more`,
    `,${phoneOf(4)},,Nobody`,
    `dora,${phoneOf(5)},no address,Dora`,
    `eve,${phoneOf(6)},,5" Eve "x"`,
    `${'f'.repeat(101)},${phoneOf(7)},,F`,
    `gus,${phoneOf(8)},,G\0`,
    `hal,${phoneOf(9)},,"Hal ""H""`,
    'the ninth goes on to here"',
    `ida,${phoneOf(10)},,Ida`,
  ];
  const { id, total, badRows } = await accepted(['userId,phone,email,name', ...rows].join('\n'));
  assert.deepEqual([total, badRows], [10, 7]);
  const view = await ended(id);
  assert.deepEqual([view.total, view.badRows, view.counts.refused, view.counts.completed], [10, 7, 7, 3]);
  const refused = await read(`/${id}/recipients?state=refused`);
  assert.deepEqual(
    refused.data.map(({ index, target, reason, detail }: Record<string, unknown>) => [index, target, reason, detail]),
    [
      [1, 'bob', 'line 3: it has 2 cells, the header has 4 columns'],
      [2, 'cy', 'line 4: it has 5 cells, the header has 4 columns'],
      [3, '', 'line 5: its userId is empty'],
      [4, 'dora', 'line 6: its email is not an e-mail address'],
      [5, '', 'line 7: a quote stands within a cell: put the cell in quotes, and double those in it'],
      [6, 'f'.repeat(100), 'line 8: its target must have 1 to 100 characters'],
      [7, 'gus', 'line 9: it has the character U+0000, which cannot be stored'],
    ].map(([index, target, detail]) => [index, target, 'bad_row', detail]),
  );
  assert.equal(refused.next, null);
  assert.deepEqual(sent(chain), [
    `${phoneOf(1)}: Ana`,
    `${phoneOf(9)}: Hal "H"\nthe ninth goes on to here`,
    `${phoneOf(10)}: Ida`,
  ]);
});

test('bad lines of an NDJSON file are refused, the others are sent to; nobody is created of them', async (t) => {
  const { chain, accepted, ended } = await scene(t);
  const lines = [
    '{"userId": "ana"',
    '{"userId": "bob", "name": "Bob"}',
    '["cy"]',
    '{"userId": "\\u0000"}',
    '{"userId": "eve", "params": {"__proto__": {}}}',
    `{"userId": "fay", "params": {"x": "${'x'.repeat(70_000)}"}}`,
    `{"userId": "gus", "params": {"x": "${'x'.repeat(17_000)}"}}`,
    `{"userId": "${'['.repeat(5)}", "params": {"x": ${'['.repeat(200)}${']'.repeat(200)}}}`,
    JSON.stringify({ userId: 'ida', phone: phoneOf(1), consents: { sms: true } }),
  ];
  const { id, badRows } = await accepted(lines.join('\n'), '&unknownUsers=create', NDJSON);
  assert.equal(badRows, 8);
  const { recipients, counts } = await ended(id);
  assert.deepEqual([counts.refused, counts.completed], [8, 1]);
  assert.deepEqual(
    recipients.map(({ detail }: { detail: string | null }) => detail),
    [
      'line 1: it is not JSON, or has a member that is named __proto__ or constructor.prototype',
      'line 2: its name is not known; the fields are userId, target, params, email, phone, consents',
      'line 3: it must be an object such as {"userId": "u-1"}',
      'line 4: it has the character U+0000 or half a surrogate pair, which cannot be stored',
      'line 5: it is not JSON, or has a member that is named __proto__ or constructor.prototype',
      'line 6: it has more than 65536 characters',
      'line 7: it has 17034 characters of JSON; at most 16384 are allowed: put what all share into params',
      'line 8: it is nested more than 100 levels deep',
      null,
    ],
  );
  assert.equal(chain.handovers.length, 1);
  const created = await carom.call('GET', `/v1/profiles/bob?account=${chain.account}`);
  assert.equal(created.status, 404);
});

test('a file that cannot be read as what it is said to be is refused whole, with the line and the remedy', async (t) => {
  const { chain, post, read } = await scene(t);
  const good = `userId,phone,name\nana,${phoneOf(1)},Ana\n`;
  const refusals: [file: string | Buffer, detail: RegExp, query?: string][] = [
    ['', /the file is empty: its first line must name the columns/],
    ['\n\n  \n', /the file is empty/],
    ['userId,phone\n', /the file has no rows/],
    ['name,city\nAna,Pune\n', /one of them target or userId or email or phone or internalId; it is: name, city/],
    [good, /one of them target or email; it is: userId, phone, name/, '&targetBy=email'],
    ['userId,name,name\nana,a,b\n', /the header names the column name twice/],
    ['userId,,x\nana,a,b\n', /column 2 of the header has no name/],
    ['userId,__proto__\nana,a\n', /no column may be named __proto__/],
    ['userId,"x"y\nana,a\n', /line 1 cannot be read as CSV/],
    [`${good}bob,1,"never closed\ncy,2,x\n`, /the row after line 2 opens a quote that is never closed/],
    [
      `${good}bob,1,"${'x\n'.repeat(40_000)}`,
      /the row after line 2 has more than 65536 bytes: is there a quote that is never closed/,
    ],
    [`${good}bob,1,${'a"'.repeat(30)}\n`, /line 3 has quotes where there should be none/],
    [Buffer.from(`${good}bob,1,Zoë\n`, 'latin1'), /the file is not UTF-8: save it as UTF-8/],
    [Buffer.from(`\ufeff${good}`, 'utf16le'), /the file is not UTF-8/],
    [Buffer.from(`${good}bob,1,Zoë`).subarray(0, -1), /the file is not UTF-8/],
    [
      'userId,phone\n,1\n,2\nx\n,3\n',
      /none of the 4 rows can be read: line 2: its userId is empty; line 3: .*; line 4: it has 1 cell/,
    ],
    [good, /the query has "startat", which is not known/, '&startat=2030-01-01T00:00:00Z'],
    [good, /startAt must be an ISO-8601 time/, '&startAt=tomorrow'],
    [good, /ttl must be a whole number of seconds/, '&ttl=5m'],
    [good, /params must be a JSON object/, '&params=city'],
    [good, /params must be a JSON object/, '&params=%7B%22__proto__%22:%7B%7D%7D'],
    [good, /mode must be one of/, '&mode=some'],
    [good, /key is given 2 times/, '&key=a&key=b'],
    [good, /campaignIds names "~sms" twice/, '&campaignIds=~sms'],
  ];
  for (const [file, detail, query] of refusals) {
    const answer = await post(file, query);
    assert.equal(answer.status, 400, `${detail}: ${JSON.stringify(answer.body).slice(0, 300)}`);
    assert.match(answer.body.detail, detail);
  }
  assert.equal((await post(good, '&campaignIds=~none')).status, 404);
  await chain.tell('sms', 'pause');
  assert.equal((await post(good)).status, 412);
  assert.equal((await post(good, '', 'text/html')).status, 415);
  assert.deepEqual((await read('')).data, []);
  assert.equal(chain.handovers.length, 0);
});

test('a repeat under the same key makes nothing, also while the first is on its way; another file under it is a 409', async (t) => {
  const { chain, post, read, ended } = await scene(t);
  const file = `userId,phone\nana,${phoneOf(1)}\nbob,${phoneOf(2)}\n,3\n`;
  const key = { 'idempotency-key': 'spring' };
  const answers = await Promise.all(times(5, () => post(file, '', CSV, key)));
  answers.push(await post(file, '&key=spring'));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
  assert.equal(new Set(answers.map(({ body: its }) => JSON.stringify(its))).size, 1);
  assert.equal(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true').length, 5);
  assert.equal(answers[0]!.body.badRows, 1);
  await ended(answers[0]!.body.id);
  assert.equal(chain.handovers.length, 2);
  for (const other of [
    post(`${file}cy,1\n`, '', CSV, key),
    post(file, '&mode=fallback_on_attempt_failure', CSV, key),
  ]) {
    const { status, body: its } = await other;
    assert.deepEqual([status, its.code], [409, 'conflict']);
  }
  assert.equal((await read('')).data.length, 1);
});

test('nothing is sent before the file is complete, and nothing is left of one that breaks off', async (t) => {
  const { chain, account, accepted, read, ended } = await scene(t);
  const upload = openFile(`/v1/batches?${account}&campaignIds=~sms&key=spring`);
  upload.on('error', () => undefined);
  const rows = times(3_000, (index) => `u-${index},${phoneOf(index)}\n`).join('');
  await new Promise((resolve) => upload.write(`userId,phone\n${rows}`, resolve));
  // A call that comes later is accepted and sent; by then the pages of the first would have been, too.
  await ended((await accepted(`userId,phone\nana,${phoneOf(1)}\n`)).id);
  upload.destroy();
  const whole = await accepted('userId,phone\nbob,+919876543210\n', '&key=spring');
  await ended(whole.id);
  assert.deepEqual(
    (await read('')).data.map(({ total }: { total: number }) => total),
    [1, 1],
  );
  assert.equal(chain.handovers.length, 2);
});

test('a file of 150,000 rows, more than a call in JSON may have: its results are read page by page, to the last', async (t) => {
  const { account, accepted, read } = await scene(t);
  const startAt = encodeURIComponent(new Date(Date.now() + 3_600_000).toISOString());
  const rows = times(150_000, (index) => (index % 50_000 === 7 ? '\n' : `u-${index},${index}\n`)).join('');
  const { id, total, state } = await accepted(`userId,n\n${rows}`, `&startAt=${startAt}`);
  assert.deepEqual([total, state], [149_997, 'scheduled']);
  const last = await read(`/${id}/recipients?limit=200&cursor=149900`);
  assert.deepEqual(
    [last.data.length, last.data[0].index, last.data.at(-1).target, last.next],
    [96, 149_901, 'u-149999', null],
  );
  const { counts } = await read(`/${id}`);
  assert.deepEqual([counts.waiting, counts.refused], [149_997, 0]);
  assert.equal((await carom.call('POST', `/v1/batches/${id}/cancel?${account}`)).status, 200);
});

test('a refused client hears why although it is still sending, and its connection can be used again', async (t) => {
  const { account } = await scene(t);
  const upload = openFile(`/v1/batches?${account}&campaignIds=~none`);
  upload.write(`userId,phone\n${'ana,1\n'.repeat(1_000)}`);
  const [response] = (await once(upload, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 404);
  upload.end('ana,1\n'.repeat(100_000));
  response.resume();
  await once(response, 'end');
});
