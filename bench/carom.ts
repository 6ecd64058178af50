/** A Carom node with a database of its own, and the account of the bench in it. */
import { mkdtempSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { compileCache } from '../scripts/install.mjs';
import { freePort, startChild } from './driver/child.ts';
import type { Child } from './driver/child.ts';
import { ACCOUNT, CAMPAIGN, KEY } from './driver/requests.ts';
import { TWILIO } from './driver/sink-twilio.ts';

const ADMIN_KEY = 'bench-admin-key';
/** Beside the sources, on the disk that they are on: a temporary directory may be memory, where a sync costs nothing. */
const DATA = new URL('./.carom/', import.meta.url);
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
/** How long the node's copy of the configuration may take to have what was applied. */
const APPLIED_MS = 10_000;

/** A node that serves. */
export interface Carom {
  port: number;
  child: Child;
  /** PostgreSQL's first process. */
  postgresPid: number;
  get(path: string): Promise<Record<string, unknown>>;
  /** Ends it, and starts another one on the same data and port. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  end(): Promise<void>;
}

/** Starts a node on a brand-new database; its providers are the sink on this port, and, where one is given, the message centre on that. */
export async function startCarom(sinkPort: number, smppPort: number | null = null): Promise<Carom> {
  mkdirSync(DATA, { recursive: true });
  const dataDir = mkdtempSync(fileURLToPath(new URL('node-', DATA)));
  const port = await freePort();
  const args = ['start', '--port', String(port), '--data-dir', dataDir];
  const env = { CAROM_ADMIN_KEY: ADMIN_KEY, CAROM_LOG_LEVEL: 'warn', NODE_COMPILE_CACHE: compileCache };
  const start = () => startChild(MAIN, args, env, openSync(join(dataDir, 'carom.log'), 'a'));
  const postgresPid = () => Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
  const carom: Carom = {
    port,
    child: await start(),
    postgresPid: postgresPid(),
    get: (path) => getJson(`http://127.0.0.1:${port}${path}`),
    restart: async () => {
      await carom.child.end();
      carom.child = await start();
      carom.postgresPid = postgresPid();
    },
    end: async () => {
      await carom.child.end();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  await applyManifest(port, manifest(sinkPort, smppPort));
  return carom;
}

async function getJson(url: string): Promise<Record<string, unknown>> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${KEY}` } });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}

async function applyManifest(port: number, body: object): Promise<void> {
  const url = `http://127.0.0.1:${port}/v1/manifest`;
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'PUT', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`the manifest of the bench is refused (${answer.status}): ${await answer.text()}`);
  const until = performance.now() + APPLIED_MS;
  while (performance.now() < until) {
    const known = await fetch(`http://127.0.0.1:${port}/v1/stats`, { headers: { authorization: `Bearer ${KEY}` } });
    if (known.ok) return;
    await sleep(50);
  }
  throw new Error('the manifest of the bench was applied, but its key is not known');
}

/** One bind; a message centre that gives a thousand messages a second gives some hundred at once, too. */
const SMPP = {
  id: 'smsc',
  channel: 'sms',
  type: 'smpp',
  receipts: 'callback',
  host: '127.0.0.1',
  systemId: 'bench',
  password: 'sink',
  from: 'BENCH',
  window: 100,
};

/** Two providers, as an http provider is written by hand: one that delivers all, one that sometimes fails. */
function manifest(sinkPort: number, smppPort: number | null): object {
  const provider = (id: string, channel: string, path: string) => ({
    id,
    channel,
    type: 'http',
    receipts: 'callback',
    request: {
      method: 'POST',
      url: `http://127.0.0.1:${sinkPort}/send/${path}`,
      headers: { Authorization: 'Bearer sink' },
      json: {
        id: '{{ message_id }}',
        txn: '{{ txn_id }}',
        to: '{{ to }}',
        text: '{{ body }}',
        callback: '{{ receipt_url }}',
      },
    },
    response: { accepted: 'status = 200 and body.status != "rejected"', ref: 'body.id', reason: 'body.message' },
    receipt: { message: 'body.messageId', status: 'body.status' },
  });
  const body =
    "Hi {{ token.first_name | default('there') }}, order {{ token.order.id }} over {{ token.order.total }} is confirmed. {{ token.link }}";
  const campaign = (id: string, channel: string, via: string) => ({
    id,
    state: 'running',
    channel,
    provider: via,
    body,
    // The link in it would be rewritten, and stored before the message goes out.
    ...(process.env['BENCH_TRACKED'] !== '1' && { tracking: false }),
  });
  return {
    account: ACCOUNT,
    name: 'Bench',
    privateNetwork: 'allow', // its webhooks call the sink on the loopback
    defaultRegion: 'IN',
    keys: [{ key: KEY, scopes: ['trigger', 'read', 'admin'] }],
    providers: [
      provider('delivers', 'sms', 'delivered'),
      provider('mixed', 'whatsapp', 'mixed'),
      { ...TWILIO, baseUrl: `http://127.0.0.1:${sinkPort}` },
      ...(smppPort === null ? [] : [{ ...SMPP, port: smppPort }]),
    ],
    campaigns: [
      campaign(CAMPAIGN.one, 'sms', 'delivers'),
      campaign(CAMPAIGN.first, 'whatsapp', 'mixed'),
      campaign(CAMPAIGN.second, 'sms', 'delivers'),
      campaign(CAMPAIGN.bulk, 'sms', 'delivers'),
      campaign(CAMPAIGN.twilio, 'sms', TWILIO.id),
      ...(smppPort === null ? [] : [campaign(CAMPAIGN.smpp, 'sms', SMPP.id)]),
      {
        ...campaign(CAMPAIGN.batch, 'sms', 'delivers'),
        body: 'Your code of {{ token }} is {{ code }}, with {{ points }} points. {{ link }}',
      },
    ],
  };
}
