/** How long it takes from a click to the answer that sends it on. Each click is told to its transaction meanwhile. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Carom } from '../carom.ts';
import { openConnection } from '../driver/connection.ts';
import { openLoop } from '../driver/open-loop.ts';
import { CAMPAIGN, vendorRequest } from '../driver/requests.ts';
import { percentile } from '../report.ts';
import type { Add } from '../report.ts';

/** Messages with a link each, of which all are clicked in turn. */
const MESSAGES = 3_000;
const CONNECTIONS = 16;
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0';

/** A vendor that takes messages and keeps their links. */
export interface LinkVendor {
  port: number;
  links: string[];
  close(): void;
}

/** Starts one. */
export async function startLinkVendor(): Promise<LinkVendor> {
  const links: string[] = [];
  const server: Server = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { text } = JSON.parse(Buffer.concat(chunks).toString()) as { text: string };
      links.push(...(text.match(/\/c\/[\w-]+/g) ?? []));
      reply.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"x"}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    links,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Clicks beside nothing else. */
export async function measureRedirects(
  carom: Carom,
  { links }: LinkVendor,
  { perSecond, seconds, goalMs }: { perSecond: number; seconds: number; goalMs: number },
  add: Add,
): Promise<void> {
  const make = vendorRequest([CAMPAIGN.one]);
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, connection) => {
      const to = await openConnection(carom.port);
      for (let n = connection; n < MESSAGES; n += CONNECTIONS) await to.send(make(`click-${n}`, n));
      to.close();
    }),
  );
  while (links.length < MESSAGES) await new Promise((resolve) => setTimeout(resolve, 20));
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
