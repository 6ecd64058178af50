/** Two vendors of one channel that note which messages they took; each can be taken away, and brought back where it was. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a vendor thinks: some calls are under way whenever it is taken away. */
const ANSWER_MS = 20;

/** One of them. */
export interface TwinVendor {
  id: string;
  /** When each message came, by its id; several times for one that came again. */
  arrivals: Map<string, number[]>;
  /** No connection is made any more, and those there are break. */
  takeAway(): Promise<void>;
  bringBack(): Promise<void>;
}

/** Starts one; it takes whatever it gets. */
export async function startTwin(id: string): Promise<TwinVendor & { url: string }> {
  const arrivals = new Map<string, number[]>();
  let server: Server | null = null;
  let port = 0;

  async function bringBack(): Promise<void> {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => void take(JSON.parse(Buffer.concat(chunks).toString()) as { id: string }));
      async function take({ id: messageId }: { id: string }): Promise<void> {
        arrivals.set(messageId, [...(arrivals.get(messageId) ?? []), Date.now()]);
        await sleep(ANSWER_MS);
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id: messageId }));
      }
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  }

  await bringBack();
  return {
    id,
    url: `http://127.0.0.1:${port}/send`,
    arrivals,
    bringBack,
    takeAway: async () => {
      if (!server?.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
