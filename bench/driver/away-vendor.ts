/** A vendor that notes what it takes and may be taken away; in the driver's process, so that what it noted survives that. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One that can be away. */
export interface AwayVendor {
  port: number;
  /** The txnIds of the messages that came, whether or not they were answered. */
  txnIds: Set<string>;
  /** Breaks its connections and takes no more. */
  leave(): Promise<void>;
  comeBack(): Promise<void>;
}

/** Starts one that accepts everything. */
export async function startAwayVendor(): Promise<AwayVendor> {
  const txnIds = new Set<string>();
  let server: Server;
  const listen = async (port: number) => {
    server = createServer((request, reply) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { id, txn } = JSON.parse(Buffer.concat(chunks).toString()) as { id: string; txn: string };
        txnIds.add(txn);
        const text = JSON.stringify({ id });
        reply.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length }).end(text);
      });
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  return {
    port,
    txnIds,
    leave: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
    comeBack: async () => void (await listen(port)),
  };
}
