/** How many mails a second the provider `smtp` hands over: written, signed, and answered by a server of another process. */
import { generateKeyPairSync } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ID_ENTROPY_BYTES, messageId, transactionId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { JsonObject } from '#domain/request.ts';
import type { Clock } from '#ports/clock.ts';
import type { OutgoingMessage, Provider, ProviderTools } from '#ports/provider.ts';
import { smtpProvider } from '#providers/smtp.ts';
import { createTwigTemplates } from '#templates/twig.ts';
import { freePort, startChild } from '../driver/child.ts';
import { watchMachine } from '../driver/usage.ts';
import type { Add } from '../report.ts';

const SINK = fileURLToPath(new URL('../mail-sink.ts', import.meta.url));
const STDERR = 2;
/** The default of the provider. */
const CONNECTIONS = 10;
/** Before it is measured, so that the code is compiled. */
const WARM_UP_S = 1;
const HTML = `<html><body>${'<p>Your order is on its way.</p>'.repeat(50)}</body></html>`;

/** As many as ten connections carry, plain and signed. */
export async function measureSmtp({ seconds, goal }: { seconds: number; goal: number }, add: Add): Promise<void> {
  const port = await freePort();
  const sink = await startChild(SINK, [String(port)], {}, STDERR);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const plain = { host: '127.0.0.1', port, tls: 'none', bounces: 'bounce.example.com', concurrency: CONNECTIONS };
  const dkim = { domain: 'example.com', selector: 'mail', privateKey: key };
  for (const [name, settings] of Object.entries({ plain, 'with DKIM': { ...plain, dkim } })) {
    const provider = smtpProvider.open(configOf(settings), tools());
    await handOver(provider, WARM_UP_S);
    const machine = watchMachine([sink.pid]);
    const cpu = process.threadCpuUsage();
    const { taken, refused, tookS } = await handOver(provider, seconds);
    const { user, system } = process.threadCpuUsage(cpu);
    const { others } = machine();
    await provider.close();
    add(`mails taken, ${name}`, taken / tookS, '/s', { atLeast: goal });
    add(`mails not taken, ${name}`, refused, '', { atMost: 0 });
    add(`processor time per mail, ${name}`, (user + system) / taken, 'µs');
    add('share of the machine used by others', others, '');
  }
  await sink.end();
}

/** Each connection has one mail under way all the time. */
async function handOver(provider: Provider, seconds: number) {
  const startedAt = performance.now();
  let [taken, refused] = [0, 0];
  const work = async () => {
    while (performance.now() - startedAt < seconds * 1_000) {
      const { kind } = await provider.send(mail(taken + refused));
      if (kind === 'accepted') taken++;
      else refused++;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  return { taken, refused, tookS: (performance.now() - startedAt) / 1_000 };
}

function mail(n: number): OutgoingMessage {
  const entropy = Buffer.alloc(ID_ENTROPY_BYTES);
  entropy.writeUInt32BE(n);
  const nothing = { devices: null, replyTo: null, title: null, image: null, url: null, data: null, template: null };
  return {
    ...nothing,
    messageId: messageId(transactionId(Date.now(), entropy, 7), 1),
    channel: 'email',
    to: `user-${n}@example.net`,
    from: 'Shop <shop@example.com>',
    subject: `Your order ${n}`,
    body: 'Your order is on its way.',
    html: HTML,
    attachments: null,
    unsubscribeUrl: null,
    headers: null,
    txnId: `order-${n}`,
    campaignId: '~order-mail',
    userId: `user-${n}`,
    receiptUrl: 'http://127.0.0.1/',
    report: null,
  };
}

function configOf(settings: JsonObject): ProviderConfig {
  const rest = { channel: 'email', receipts: 'callback', receiptSecret: 'bench' } as const;
  return { accountId: 'bench', id: 'mail', type: 'smtp', ...rest, settings };
}

/** A clock, and nothing else: this part has no engine. */
function tools(): ProviderTools {
  const clock: Clock = {
    now: Date.now,
    at: (instant, callback) => {
      const timer = setTimeout(callback, Math.max(0, instant - Date.now()));
      return () => clearTimeout(timer);
    },
  };
  const quiet = () => undefined;
  return {
    clock,
    templates: createTwigTemplates(),
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    schedule: { schedule: async () => undefined },
    receive: async () => undefined,
    publicUrl: 'http://127.0.0.1',
    connector: () => {
      throw new Error('mail needs no connector');
    },
  };
}
