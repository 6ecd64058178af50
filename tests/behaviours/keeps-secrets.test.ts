/** Credentials at rest: nothing of them in the database, in answers or in the log, and a key that can be changed. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startCarom } from '../support/carom.ts';
import type { Carom } from '../support/carom.ts';
import { json, startVendor } from '../support/http-vendor.ts';
import type { HttpVendor } from '../support/http-vendor.ts';
import { PostgresServer, startPostgres } from '../support/postgres-server.ts';

const FIRST = 'the first key of the shop';
const SECOND = 'the second key of the shop';
/** Each stands in another place. */
const TOKEN = 'hush-provider-token';
const SIGNING = `whsec_${Buffer.from('hush-of-the-webhook-which-is-long').toString('base64')}`;
const HOOK = 'hush-hook-header';
const REMOVED = 'hush-of-the-removed';
const SECRETS = [TOKEN, SIGNING, HOOK, REMOVED];

let vendor: HttpVendor;
before(async () => {
  vendor = await startVendor();
  vendor.answering = json(200, { id: 'r-1' });
});
after(() => vendor.close());

function manifest(providers: string[]): object {
  const http = (id: string, token: string) => ({
    id,
    channel: 'sms',
    type: 'http',
    request: { url: `${vendor.url}/${id}`, headers: { authorization: token }, json: { to: '{{ to }}' } },
  });
  return {
    account: 'shop',
    privateNetwork: 'allow',
    providers: providers.map((id) => http(id, id === 'gone' ? REMOVED : TOKEN)),
    campaigns: [
      { id: '~sms', state: 'running', channel: 'sms', provider: 'sms', body: 'Hi' },
      {
        id: '~journey',
        state: 'running',
        stages: [
          { channel: 'sms', provider: 'sms', body: 'Hi' },
          { hook: { url: `${vendor.url}/hook`, headers: { authorization: HOOK }, json: {} } },
        ],
      },
    ],
    webhooks: [
      { id: 'crm', url: `${vendor.url}/crm`, events: ['message.sent'], auth: { type: 'standard', secret: SIGNING } },
    ],
  };
}

async function configure(carom: Carom): Promise<void> {
  await carom.apply(manifest(['sms', 'gone']));
  const pruned = await carom.call('PUT', '/v1/manifest?prune=true', { body: manifest(['sms']) });
  assert.equal(pruned.status, 200, JSON.stringify(pruned.body));
}

/** Everything in a database, as text. */
async function dump(postgres: PostgresServer): Promise<string> {
  const tables = await postgres.query<{ name: string }>(
    `select quote_ident(tablename) as name from pg_tables where schemaname = 'public'`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await postgres.query<{ text: string }>(`select t::text as text from ${name} t`);
    texts.push(...rows.map(({ text }) => text));
  }
  return texts.join('\n');
}

function assertNothingIn(text: string): void {
  for (const secret of SECRETS) assert.equal(text.includes(secret), false, `${secret} stands there`);
  // Nor in any other writing that would still be it.
  for (const secret of SECRETS) assert.equal(text.includes(Buffer.from(secret).toString('base64')), false);
}

/** Sends a message and a hook: the vendor tells with which credentials. */
async function assertUsable(carom: Carom): Promise<void> {
  vendor.calls.length = 0;
  const body = { campaignIds: ['~journey'], mode: 'all', userId: 'ana', phone: '+919876543210' };
  const { body: made } = await carom.call('POST', '/v1/transactions?account=shop', { body });
  assert.equal((await carom.ended('shop', made.id)).state, 'completed');
  const used = vendor.calls.filter(({ url }) => url !== '/crm').map(({ headers }) => headers.authorization);
  assert.deepEqual(used, [TOKEN, HOOK]);
}

test('on a database that nodes share, the key is given, and can be changed', async (t) => {
  const postgres = await startPostgres();
  t.after(() => postgres.close());
  const start = (key: string | null) => {
    const env = {
      CAROM_ADMIN_KEY: 'operator',
      CAROM_LOG_LEVEL: 'debug',
      ...(key !== null && { CAROM_SECRET_KEY: key }),
    };
    return startCarom({ databaseUrl: postgres.url, env });
  };
  /** Starts a node, and stops it whatever the test finds. */
  const running = async (key: string | null, look: (carom: Carom) => Promise<void>) => {
    const carom = await start(key);
    try {
      await look(carom);
    } finally {
      await carom.stop();
    }
    for (const text of [FIRST, SECOND]) assert.equal(carom.output.includes(text), false);
    assertNothingIn(carom.output);
  };
  const refused = (key: string | null, words: RegExp) =>
    assert.rejects(start(key), (error: Error) => {
      assert.match(error.message, words);
      assertNothingIn(error.message);
      for (const text of [FIRST, SECOND]) assert.equal(error.message.includes(text), false);
      return true;
    });

  await t.test('without one nothing is encrypted, and the log says so', () =>
    running(null, async (carom) => {
      await configure(carom);
      assert.match(carom.output, /credentials are kept as they are: set CAROM_SECRET_KEY/);
      const all = await dump(postgres);
      for (const secret of SECRETS) assert.ok(all.includes(secret), `${secret} is not where it was`);
    }),
  );

  await t.test('the first start with one seals what is there, what was removed as well; and it works', () =>
    running(FIRST, async (carom) => {
      assertNothingIn(await dump(postgres));
      await assertUsable(carom);
    }),
  );

  await t.test('without it, or with another one, no node starts, and it is said what to do', async () => {
    await refused(null, /encrypted with another key \([0-9a-f]{8}\); set CAROM_SECRET_KEY to the one that the other/);
    await refused(SECOND, /encrypted with another key.*add that key to CAROM_SECRET_KEY, after a comma/);
  });

  await t.test(
    'the new one before the old one seals everything anew; what is configured then is in no table or answer',
    () =>
      running(`${SECOND}, ${FIRST}`, async (carom) => {
        const more = [
          { id: 'more', channel: 'sms', type: 'http', request: { url: vendor.url, headers: { a: TOKEN } } },
        ];
        await carom.apply({ account: 'shop', providers: more });
        const { body: provider } = await carom.call('GET', '/v1/providers/more?account=shop');
        const all = await dump(postgres);
        assertNothingIn(all);
        assert.equal(all.split(/sealed"+: "+v1\./).length, 6, 'three providers, a journey, a webhook');
        assert.equal(all.includes((provider.receiptUrl as string).split('/').at(-1)!), false);
        for (const path of ['manifest', 'providers', 'providers/more', 'webhooks', 'campaigns/~journey'])
          assertNothingIn(JSON.stringify((await carom.call('GET', `/v1/${path}?account=shop`)).body));
      }),
  );

  await t.test('then the new one alone will do, and the old one does not', async () => {
    await running(SECOND, assertUsable);
    await refused(FIRST, /encrypted with another key/);
  });
});

test('an embedded database has a key of its own, beside the operator’s', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'carom-test-'));
  const closings: (() => Promise<unknown>)[] = [() => rm(dataDir, { recursive: true, force: true })];
  t.after(async () => {
    for (const close of closings.toReversed()) await close();
  });
  const file = join(dataDir, 'secret.key');
  const carom = await startCarom({ dataDir });
  await configure(carom);
  await carom.stop();
  const key = await readFile(file, 'utf8');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal(carom.output.includes(key.trim()), false);

  await rm(file);
  await assert.rejects(startCarom({ dataDir }), /put that key into CAROM_SECRET_KEY, or its secret\.key back/);
  await assert.rejects(stat(file), 'another key must not take its place');
  await writeFile(file, key);
  // One that is given takes over from it.
  const again = await startCarom({ dataDir, env: { CAROM_SECRET_KEY: FIRST } });
  closings.push(() => again.stop());
  await assertUsable(again);
  await again.stop();

  const postgres = new PostgresServer(dataDir);
  await postgres.start();
  closings.push(() => postgres.close());
  assertNothingIn(await dump(postgres));
});
