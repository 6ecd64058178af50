/** Files, and half an upload, when the node that has them is killed. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { times } from '../support/acceptance.ts';
import { eventually } from '../support/carom.ts';
import { json, startVendor } from '../support/http-vendor.ts';
import type { HttpVendor, VendorCall } from '../support/http-vendor.ts';
import { startMortalCarom } from '../support/mortal-carom.ts';
import type { MortalCarom } from '../support/mortal-carom.ts';

const ACCOUNT = 'account=shop';
const MESSAGES = 12;
const FILE_BYTES = 1_000_000;
const ROWS = 20_000;
/** What a dead node held is taken up after 10 s. */
const TAKEN_UP_MS = 60_000;

let mortal: MortalCarom;
let vendor: HttpVendor;
before(async () => {
  [mortal, vendor] = await Promise.all([startMortalCarom(), startVendor()]);
  const mail = { to: '{{ to }}', id: '{{ message_id }}', files: '{{ attachments }}' };
  const provider = (id: string, channel: string, sent: object) => ({
    id,
    channel,
    type: 'http',
    request: { url: vendor.url, timeout: '60s', json: sent },
  });
  await mortal.carom.apply({
    account: 'shop',
    providers: [provider('mail', 'email', mail), provider('sms', 'sms', { to: '{{ to }}' })],
    campaigns: [
      { id: '~mail', state: 'running', channel: 'email', provider: 'mail', subject: 'Invoice', body: 'Here it is' },
      { id: '~sms', state: 'running', channel: 'sms', provider: 'sms', body: 'hello' },
    ],
  });
});
after(async () => {
  await vendor.close();
  await mortal.close();
});

test('kill -9 while e-mails with files are being sent: each arrives under its id, its file whole', async () => {
  const files = times(MESSAGES, () => randomBytes(FILE_BYTES));
  const answered = new Map<string, string>();
  let holds = true;
  vendor.answering = (response, call) => {
    const { to, files: got } = JSON.parse(call.body) as { to: string; files: { base64: string }[] };
    if (holds) return;
    answered.set(to, hashOf(Buffer.from(got[0]!.base64, 'base64')));
    json(200, { id: to })(response, call);
  };
  const accepted = await Promise.all(
    files.map((file, n) =>
      mortal.carom.call('POST', `/v1/transactions?${ACCOUNT}`, {
        body: {
          campaignIds: ['~mail'],
          mode: 'all',
          userId: `u-${n}`,
          email: `u-${n}@x.org`,
          attachments: [{ name: 'invoice.pdf', data: file.toString('base64') }],
        },
      }),
    ),
  );
  assert.deepEqual(new Set(accepted.map(({ status }) => status)), new Set([202]));
  await vendor.call(1);
  holds = false;
  await mortal.killAndRestart();
  await eventually(
    async () => answered.size,
    (size) => size === MESSAGES,
    TAKEN_UP_MS,
  );
  for (const [n, file] of files.entries()) assert.equal(answered.get(`u-${n}@x.org`), hashOf(file));
  const ids = new Map<string, Set<string>>();
  for (const { to, id } of vendor.calls.map(({ body }: VendorCall) => JSON.parse(body) as { to: string; id: string }))
    ids.set(to, (ids.get(to) ?? new Set()).add(id));
  for (const its of ids.values()) assert.equal(its.size, 1);
});

test('kill -9 in the middle of an upload: nothing of it is sent, and the same file under the same key is taken whole', async () => {
  vendor.answering = json(200, {});
  vendor.calls.length = 0;
  const path = `/v1/batches?${ACCOUNT}&campaignIds=~sms&key=spring`;
  const rows = times(ROWS, (n) => `u-${n},+9198${String(n).padStart(8, '0')}\n`);
  const upload = request(`${mortal.carom.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv', authorization: `Bearer ${mortal.carom.adminKey}` },
  });
  upload.on('error', () => undefined);
  await new Promise((resolve) => upload.write(`userId,phone\n${rows.slice(0, ROWS / 2).join('')}`, resolve));
  await mortal.killAndRestart();
  upload.destroy();
  assert.deepEqual((await mortal.carom.call('GET', `/v1/batches?${ACCOUNT}`)).body.data, []);
  const whole = await mortal.carom.call('POST', path, {
    headers: { 'content-type': 'text/csv' },
    body: `userId,phone\n${rows.join('')}`,
  });
  assert.equal(whole.status, 202, JSON.stringify(whole.body));
  assert.equal(whole.headers.get('idempotent-replayed'), null);
  await eventually(
    async () => (await mortal.carom.call('GET', `/v1/batches/${whole.body.id}?${ACCOUNT}&limit=1`)).body,
    ({ counts }) => counts.completed === ROWS,
    TAKEN_UP_MS,
  );
  const targets = vendor.calls.map(({ body }) => (JSON.parse(body) as { to: string }).to);
  assert.deepEqual([targets.length, new Set(targets).size], [ROWS, ROWS]);
});

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
