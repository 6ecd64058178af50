/** `npm run bench`: measures, and compares with the goals. README.md says what each figure is. */
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startCarom } from './carom.ts';
import type { Carom } from './carom.ts';
import { startAwayVendor } from './driver/away-vendor.ts';
import { endChildren } from './driver/child.ts';
import { CAMPAIGN } from './driver/requests.ts';
import { startQuietVendor } from './driver/quiet-vendor.ts';
import { startSink } from './driver/sink-process.ts';
import type { Sink } from './driver/sink-process.ts';
import { rssMb } from './driver/usage.ts';
import { measureAccept, measureBare } from './parts/accept.ts';
import { measureBatch } from './parts/batch.ts';
import { measureUpload } from './parts/upload.ts';
import { measureBulk } from './parts/bulk.ts';
import { measureBadCalls } from './parts/bad-calls.ts';
import { measureBombs } from './parts/bombs.ts';
import { measureBulkBeside } from './parts/bulk-beside.ts';
import { measureFailover } from './parts/failover.ts';
import { measureLatency } from './parts/latency.ts';
import { measureReceipts } from './parts/receipts.ts';
import { linksIn, measureRedirects } from './parts/redirect.ts';
import { measureRendering } from './parts/render.ts';
import { measureScheduled } from './parts/scheduled.ts';
import { measureSmtp } from './parts/smtp.ts';
import { measureThroughput } from './parts/throughput.ts';
import { measureWebhooks } from './parts/webhooks.ts';
import { isMet, line, table } from './report.ts';
import type { Add, Figure } from './report.ts';

const PARTS = [
  'idle',
  'accept',
  'one-leg',
  'two-legs',
  'latency',
  'failover',
  'twilio',
  'smpp',
  'smtp',
  'receipts',
  'redirect',
  'bad-calls',
  'render',
  'bombs',
  'batch',
  'bulk-beside',
  'upload',
  'bulk',
  'webhooks',
  'scheduled',
];
const SECONDS_DEFAULT = 12;
const IDLE_MS = 20_000;
const GOAL = {
  startMs: 5_000,
  idleMb: 150,
  oneLeg: 2_500,
  twoLegs: 1_700,
  vendor: 2_000,
  smpp: 2_000,
  smtp: 500,
  toProviderMs: 10,
  nextLegMs: 15,
  failoverMs: 1_000,
  receipts: 5_000,
  redirectMs: 5,
  healthMs: 50,
  besideBulkMs: 100,
  webhooks: 2_000,
  scheduled: 2_000,
  scheduledLateMs: 1_000,
};

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: PARTS.join(',') },
    seconds: { type: 'string', default: String(SECONDS_DEFAULT) },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const seconds = Number(options.seconds);
const wanted = new Set(options.only.split(','));
const unknown = [...wanted].filter((part) => !PARTS.includes(part));
const figures: Figure[] = [];

function adder(part: string): Add {
  return (name, value, unit, goal) => {
    const figure: Figure = { part, name, value, unit, ...(goal && { goal }) };
    figures.push(figure);
    console.error(line(figure));
  };
}

/** A fresh database with a node and a sink, for as long as the work takes. */
async function onFreshNode(work: (carom: Carom, sink: Sink) => Promise<void>): Promise<void> {
  const sink = await startSink();
  const carom = await startCarom(sink.port);
  await work(carom, sink);
  await carom.end();
  await sink.end();
}

async function idleAndAccept(): Promise<void> {
  await onFreshNode(async (carom) => {
    const startedAt = performance.now();
    const bare = wanted.has('accept') ? await measureBare(seconds / 2) : null;
    if (wanted.has('idle')) {
      await sleep(IDLE_MS - (performance.now() - startedAt));
      const add = adder('idle');
      add('from start to listening, on a new database', carom.child.startedInMs, 'ms', { atMost: GOAL.startMs });
      add('resident memory of the node after 20 s', rssMb(carom.child.pid), 'MB', { atMost: GOAL.idleMb });
    }
    if (bare) await measureAccept(carom, bare, seconds, adder('accept'));
  });
}

async function throughput(part: string, campaigns: string[], goal: number): Promise<void> {
  await onFreshNode(async (carom, sink) => {
    await measureThroughput(carom, sink, { name: 'new', campaigns, seconds, goal }, adder(`${part}, new database`));
    await measureThroughput(carom, sink, { name: 'used', campaigns, seconds, goal }, adder(`${part}, used database`));
    adder(part)('resident memory of the node after that', rssMb(carom.child.pid), 'MB');
  });
}

async function smpp(): Promise<void> {
  const sink = await startSink();
  const carom = await startCarom(sink.port, sink.smppPort);
  const options = { campaigns: [CAMPAIGN.smpp], seconds, goal: GOAL.smpp };
  await measureThroughput(carom, sink, { name: 'new', ...options }, adder('smpp, new database'));
  await measureThroughput(carom, sink, { name: 'used', ...options }, adder('smpp, used database'));
  await carom.end();
  await sink.end();
}

async function latency(): Promise<void> {
  await onFreshNode(async (carom, sink) => {
    // Half a second of load compiles the code; a node that has just started is measured by nobody's users.
    await measureLatency(carom, sink, { perSecond: 200, seconds: 2, goals: null }, () => undefined);
    for (const perSecond of [500, 1_000]) {
      const goals = perSecond === 500 ? GOAL : null;
      const options = { perSecond, seconds: Math.round(seconds * 1.5), goals };
      await measureLatency(carom, sink, options, adder(`latency at ${perSecond}/s`));
    }
  });
}

async function failover(): Promise<void> {
  const away = await startAwayVendor();
  const options = { perSecond: 300, seconds: Math.max(12, seconds * 2), goalMs: GOAL.failoverMs };
  const add = adder('provider outage at 300/s');
  await onFreshNode((carom, sink) => measureFailover(carom, { away, sink }, options, add));
  await away.leave();
}

async function redirects(): Promise<void> {
  const vendor = await startQuietVendor(linksIn);
  const carom = await startCarom(vendor.port);
  const options = { perSecond: 500, seconds: Math.round(seconds / 2), goalMs: GOAL.redirectMs };
  await measureRedirects(carom, vendor, options, adder('clicks at 500/s'));
  await carom.end();
  vendor.close();
}

async function receipts(): Promise<void> {
  const vendor = await startQuietVendor((message) => [message]);
  const carom = await startCarom(vendor.port);
  await measureReceipts(carom, vendor, { seconds, goal: GOAL.receipts }, adder('receipts'));
  await carom.end();
  vendor.close();
}

async function scheduled(): Promise<void> {
  const options = { count: GOAL.scheduled, goalMs: GOAL.scheduledLateMs };
  await onFreshNode((carom, sink) => measureScheduled(carom, sink, options, adder('scheduled')));
}

async function badCalls(): Promise<void> {
  await onFreshNode(async (carom) => {
    await measureBadCalls(carom, { seconds: seconds / 2, goalMs: GOAL.healthMs }, adder('bad calls'));
  });
}

async function bulkBeside(): Promise<void> {
  await onFreshNode((carom, sink) => {
    const options = { seconds: Math.max(8, seconds), goalMs: GOAL.besideBulkMs };
    return measureBulkBeside(carom, sink, options, adder('bulk beside'));
  });
}

async function measure(): Promise<void> {
  if (wanted.has('idle') || wanted.has('accept')) await idleAndAccept();
  if (wanted.has('one-leg')) await throughput('one leg', [CAMPAIGN.one], GOAL.oneLeg);
  if (wanted.has('two-legs')) await throughput('two legs', [CAMPAIGN.first, CAMPAIGN.second], GOAL.twoLegs);
  if (wanted.has('twilio')) await throughput('twilio', [CAMPAIGN.twilio], GOAL.vendor);
  if (wanted.has('smpp')) await smpp();
  if (wanted.has('smtp')) await measureSmtp({ seconds: seconds / 2, goal: GOAL.smtp }, adder('smtp'));
  if (wanted.has('latency')) await latency();
  if (wanted.has('failover')) await failover();
  if (wanted.has('batch')) await onFreshNode((carom, sink) => measureBatch(carom, sink, adder('batch')));
  if (wanted.has('upload')) await onFreshNode((carom) => measureUpload(carom, adder('upload')));
  if (wanted.has('bulk')) await onFreshNode((carom) => measureBulk(carom, adder('bulk')));
  if (wanted.has('bulk-beside')) await bulkBeside();
  if (wanted.has('webhooks'))
    await onFreshNode((carom, sink) =>
      measureWebhooks(carom, sink, { seconds, goal: GOAL.webhooks }, adder('webhooks')),
    );
  if (wanted.has('scheduled')) await scheduled();
  if (wanted.has('receipts')) await receipts();
  if (wanted.has('redirect')) await redirects();
  if (wanted.has('bad-calls')) await badCalls();
  if (wanted.has('render')) measureRendering(adder('rendering'));
  if (wanted.has('bombs')) {
    const options = { seconds, goalMs: GOAL.healthMs };
    await onFreshNode((carom) => measureBombs(carom, options, adder('template bombs')));
  }
}

async function cleanUp(): Promise<void> {
  await endChildren();
  rmSync(new URL('./.carom', import.meta.url), { recursive: true, force: true });
}

if (options.help || unknown.length > 0 || !(seconds >= 3)) {
  if (unknown.length > 0) console.error(`there is no part "${unknown.join(', ')}"`);
  console.error(`usage: npm run bench -- [--only ${PARTS.join(',')}] [--seconds 3…] [--json]`);
  process.exit(options.help ? 0 : 2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void cleanUp().finally(() => process.exit(130)));
}
try {
  await measure();
  console.log(
    options.json
      ? JSON.stringify({ at: new Date().toISOString(), node: process.version, figures })
      : `\n${table(figures)}`,
  );
  process.exitCode = figures.some((figure) => isMet(figure) === false) ? 1 : 0;
} finally {
  await cleanUp();
}
