/** A file of recipients: how long until it is a batch, what it holds in memory meanwhile, and who is held up. */
import type { Carom } from '../carom.ts';
import { CAMPAIGN, KEY } from '../driver/requests.ts';
import { rssMb } from '../driver/usage.ts';
import type { Add } from '../report.ts';
import { percentile } from '../report.ts';
import { probeHealth } from './batch.ts';

const ROWS = 100_000;
const MANY_ROWS = 1_000_000;
/** How often the node's memory is looked at. */
const LOOK_MS = 20;
const AHEAD_MS = 3_600_000;
const PROBE_S = 3;
/** Rows sent in one piece. */
const PIECE_ROWS = 1_000;
const GOAL = { acceptMs: 5_000, growthMb: 300, perSecond: 20_000 };

/** Accepts 100,000 rows of CSV, twice (the first time the code is cold), and a million. */
export async function measureUpload(carom: Carom, add: Add): Promise<void> {
  await upload(carom, ROWS, (name, value, unit) => add(`cold: ${name}`, value, unit));
  const probing = probeHealth(carom, PROBE_S);
  await upload(carom, ROWS, add, GOAL.acceptMs);
  add('meanwhile: /healthz, p99', percentile(await probing, 0.99), 'ms');
  const ms = await upload(carom, MANY_ROWS, add);
  add(`rows accepted per second, of ${MANY_ROWS}`, MANY_ROWS / (ms / 1_000), '/s', { atLeast: GOAL.perSecond });
}

async function upload(carom: Carom, rows: number, add: Add, goalMs?: number): Promise<number> {
  const before = rssMb(carom.child.pid);
  let most = before;
  const looking = setInterval(() => (most = Math.max(most ?? 0, rssMb(carom.child.pid) ?? 0)), LOOK_MS);
  const startAt = encodeURIComponent(new Date(Date.now() + AHEAD_MS).toISOString());
  const startedAt = performance.now();
  const response = await fetch(
    `http://127.0.0.1:${carom.port}/v1/batches?campaignIds=${encodeURIComponent(CAMPAIGN.batch)}&startAt=${startAt}`,
    {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'text/csv' },
      body: ReadableStream.from(csv(rows)),
      duplex: 'half',
    },
  );
  const text = await response.text();
  const ms = performance.now() - startedAt;
  clearInterval(looking);
  if (response.status !== 202) throw new Error(`the file was refused (${response.status}): ${text}`);
  add(`CSV of ${rows} rows: request → accepted`, ms, 'ms', goalMs === undefined ? undefined : { atMost: goalMs });
  const growth = before === null || most === null ? null : most - before;
  add(`CSV of ${rows} rows: most resident memory meanwhile, more than before`, growth, 'MB', { atMost: GOAL.growthMb });
  return ms;
}

function* csv(rows: number): Generator<Uint8Array> {
  yield Buffer.from('userId,phone,code,points,city\n');
  for (let first = 0; first < rows; first += PIECE_ROWS) {
    const piece = Array.from({ length: Math.min(PIECE_ROWS, rows - first) }, (_, place) => {
      const n = first + place;
      return `member-${n},+919${String(n).padStart(9, '0')},CODE-${n},${n},Pune\n`;
    });
    yield Buffer.from(piece.join(''));
  }
}
