/**
 * The vendor of the bench, in a process of its own (`node bench/sink.ts PORT SMPP_PORT`): takes a message, answers at once, and
 * posts its receipt at once to the address the message came with. It is the witness, too: it counts what arrived, how often and when.
 *
 * `POST /send/delivered` reports everything as delivered; `POST /send/mixed` reports the numbers whose last two digits are below
 * {@link UNDELIVERED_PERCENT} as undelivered. `POST /webhook` is told of events. `POST /reset` forgets, `GET /seen` and `GET /told` tell.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { postRequest } from './driver/connection.ts';
import { createMemory } from './driver/sink-memory.ts';
import { sharedNow } from './driver/open-loop.ts';
import { createReporter } from './driver/sink-reporter.ts';
import { listenAsSmsc } from './driver/sink-smsc.ts';
import { TWILIO_PATH, deliveredReport, twilioReader } from './driver/sink-twilio.ts';
import { createWebhookMemory } from './driver/webhook-memory.ts';

const UNDELIVERED_PERCENT = 30;
/** How often the driver is told how many transactions have ended. */
const TELL_MS = 5;

interface Sent {
  id: string;
  txn: string;
  to: string;
  callback: string;
}

const memory = createMemory();
const reporter = createReporter();
const webhooks = createWebhookMemory();
const readTwilio = twilioReader();

function take(path: string, message: Sent, reply: ServerResponse): void {
  memory.arrived(message.id, message.txn, sharedNow());
  answer(reply, { id: `sink-${message.id}` });
  const isNegative = path === '/send/mixed' && Number(message.to.slice(-2)) < UNDELIVERED_PERCENT;
  const status = isNegative ? 'undelivered' : 'delivered';
  if (isNegative) memory.reportedNegative(message.txn, sharedNow());
  void report(message.callback, status, (at) => postRequest(at, null, { messageId: message.id, status }));
}

function takeAsTwilio(body: string, reply: ServerResponse): void {
  const message = readTwilio(body);
  memory.arrived(message.to, message.to, sharedNow());
  answer(reply, { sid: message.sid, status: 'queued', error_code: null });
  void report(message.callback, 'delivered', deliveredReport(message));
}

async function report(callback: string, status: string, make: (path: string) => string): Promise<void> {
  const tries = await reporter.report(callback, make);
  memory.reported(status === 'undelivered', tries);
}

function answer(reply: ServerResponse, body: object): void {
  const text = JSON.stringify(body);
  reply.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

function handle(request: IncomingMessage, reply: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const path = request.url!;
    if (path.startsWith('/send/')) return take(path, JSON.parse(Buffer.concat(chunks).toString()) as Sent, reply);
    if (path.startsWith(TWILIO_PATH)) return takeAsTwilio(Buffer.concat(chunks).toString(), reply);
    if (path === '/webhook') {
      const { time } = JSON.parse(Buffer.concat(chunks).toString()) as { time: string };
      webhooks.told(String(request.headers['webhook-id']), sharedNow() - Date.parse(time));
    }
    if (path === '/reset') {
      memory.forget();
      webhooks.forget();
    }
    answer(reply, path === '/seen' ? memory.seen() : path === '/told' ? webhooks.seen() : {});
  });
}

listenAsSmsc(Number(process.argv[3]), memory);
const server = createServer({ keepAliveTimeout: 60_000 }, handle);
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening on it'));

let told = -1;
setInterval(() => {
  const { ended } = memory;
  if (ended === told) return;
  told = ended;
  process.send?.(ended);
}, TELL_MS);
