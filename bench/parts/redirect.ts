/** How long it takes from a click to the answer that sends it on. Each click is told to its transaction meanwhile. */
import type { Carom } from '../carom.ts';
import { openLoop } from '../driver/open-loop.ts';
import type { QuietVendor, TakenMessage } from '../driver/quiet-vendor.ts';
import { percentile } from '../report.ts';
import type { Add } from '../report.ts';

/** Messages with a link each, of which all are clicked in turn. */
const MESSAGES = 3_000;
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0';

/** The links of a message. */
export function linksIn({ text }: TakenMessage): string[] {
  return text.match(/\/c\/[\w-]+/g) ?? [];
}

/** Clicks beside nothing else. */
export async function measureRedirects(
  carom: Carom,
  vendor: QuietVendor<string>,
  { perSecond, seconds, goalMs }: { perSecond: number; seconds: number; goalMs: number },
  add: Add,
): Promise<void> {
  await vendor.fill(carom, MESSAGES);
  const links = vendor.kept;
  const click = (_: string, n: number) =>
    `GET ${links[n % links.length]} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: ${BROWSER}\r\n\r\n`;
  const loop = { port: carom.port, perSecond, make: click, txnId: String };
  // A second of load compiles the code.
  await openLoop({ ...loop, seconds: 1 });
  const { acceptMs, driverBusy } = await openLoop({ ...loop, seconds });
  const answered = acceptMs.filter((ms) => ms !== null);
  add('click → redirect, p50', percentile(answered, 0.5), 'ms', { atMost: goalMs });
  add('click → redirect, p99', percentile(answered, 0.99), 'ms');
  add('load generator busy', driverBusy, '');
  add('not sent on', acceptMs.length - answered.length, '', { atMost: 0 });
}
