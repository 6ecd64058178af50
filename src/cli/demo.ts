/** What `carom start --demo` shows: the example applied, one transaction whose first leg fails, and how to do the same by hand. */
import { fileURLToPath } from 'node:url';
import { applyManifests } from './apply.ts';
import { createClient } from './client.ts';
import type { Client } from './client.ts';
import { loadTransaction } from './follow.ts';
import { terminalIo } from './io.ts';
import type { CliIo } from './io.ts';
import { readManifests } from './manifest-files.ts';
import { paint, styleFor } from './paint.ts';
import { drawTransaction } from './timeline.ts';
import { hasEnded } from './transaction-view.ts';
import type { TransactionView } from './transaction-view.ts';

const MANIFEST = fileURLToPath(new URL('../../examples/demo.yaml', import.meta.url));
const ACCOUNT = 'demo';
const DEMO_KEY = 'demo-key';
/** How long the demo's transaction may take; it takes a fifth of a second. */
const DEMO_MAX_MS = 10_000;
const POLL_MS = 50;

/** The transaction of the demo, and of the `curl` that repeats it. */
const TRANSACTION = {
  campaignIds: ['~order-whatsapp', '~order-sms'],
  mode: 'fallback_on_delivery_failure',
  userId: 'user-1',
  ttl: 300,
  token: { order_id: 'ORD-12345' },
  phone: '+919876543210',
  track: { eventName: 'order_confirmed' },
  profile: { firstName: 'Asha' },
};

/** Applies the example and shows the fallback. Needs a server that serves, and the operator's key. */
export async function showDemo(server: { url: string; adminKey: string }, io: CliIo = terminalIo()): Promise<void> {
  const key = { value: server.adminKey, origin: 'the operator’s key' };
  const client = createClient({ url: server.url, key, account: ACCOUNT });
  await applyManifests(client, await readManifests([MANIFEST], io.env), { dryRun: false, prune: false });
  const { body } = await client.request('POST', '/v1/transactions', { body: TRANSACTION });
  const view = await ended(client, (body as { id: string }).id, io);
  const style = styleFor(io);
  const heading = (text: string) => paint(text, 'strong', style);
  const demoKey = io.env['DEMO_KEY'] ?? DEMO_KEY;
  // A new one with each start: a repeated txnId would only be told what became of the first.
  const txnId = `order-${io.now().toString(36)}`;
  io.out(`
${heading('One call, two channels: WhatsApp did not deliver, the SMS did.')}

${drawTransaction(view, style, io.now())}

${heading('Do the same by hand:')}

${curl(server.url, demoKey, txnId)}

${heading('Then look at it:')}

curl -s ${server.url}/v1/transactions/${txnId} -H 'Authorization: Bearer ${demoKey}'
npx carom transaction ${txnId}${server.url.endsWith(':8080') ? '' : ` --url ${server.url}`}

The campaigns are in examples/demo.yaml. Ctrl-C stops.
`);
}

async function ended(client: Client, id: string, io: CliIo): Promise<TransactionView> {
  const until = io.now() + DEMO_MAX_MS;
  for (;;) {
    const view = await loadTransaction(client, id);
    if (hasEnded(view) || io.now() > until) return view;
    await io.sleep(POLL_MS);
  }
}

/** The same transaction, to be typed. */
function curl(url: string, key: string, txnId: string): string {
  const { campaignIds, mode, userId, ttl, token, phone } = TRANSACTION;
  return `curl -X POST '${url}/v1/transactions' \\
  -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\
  -d '${JSON.stringify({ campaignIds, mode, userId, txnId, ttl, token, phone })}'`;
}
