/** A vendor in the driver's own process that takes messages, reports nothing by itself, and keeps something of each. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Carom } from '../carom.ts';
import { openConnection } from './connection.ts';
import { CAMPAIGN, vendorRequest } from './requests.ts';

const CONNECTIONS = 16;

/** A message as the bench's manifest writes it. */
export interface TakenMessage {
  id: string;
  text: string;
  callback: string;
}

/** A running one. */
export interface QuietVendor<Kept> {
  port: number;
  /** In the order in which they came. */
  kept: Kept[];
  /** Sends so many transactions of one leg, and resolves when it has the messages of all. */
  fill(carom: Carom, messages: number): Promise<void>;
  close(): void;
}

/** Starts one. @param keep what is kept of a message. */
export async function startQuietVendor<Kept>(keep: (message: TakenMessage) => Kept[]): Promise<QuietVendor<Kept>> {
  const kept: Kept[] = [];
  const taken = { messages: 0 };
  const server: Server = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      kept.push(...keep(JSON.parse(Buffer.concat(chunks).toString()) as TakenMessage));
      taken.messages++;
      reply.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"x"}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    kept,
    fill: async (carom, messages) => {
      const make = vendorRequest([CAMPAIGN.one]);
      const wanted = taken.messages + messages;
      await Promise.all(
        Array.from({ length: CONNECTIONS }, async (_, connection) => {
          const to = await openConnection(carom.port);
          for (let n = connection; n < messages; n += CONNECTIONS) await to.send(make(`quiet-${n}`, n));
          to.close();
        }),
      );
      while (taken.messages < wanted) await sleep(20);
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
