/** A vendor on the loopback: a real HTTP server that keeps what it got and answers as it is told. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A call as the vendor got it. */
export interface VendorCall {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** Its bytes. */
  raw: Buffer;
}

/** Answers a call, or leaves it without an answer. */
export type Answering = (response: ServerResponse, call: VendorCall) => void;

/** A running vendor. */
export interface HttpVendor {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  url: string;
  /** Whole calls, in the order they came. */
  calls: VendorCall[];
  /** How the next calls are answered. */
  answering: Answering;
  /** The nth call ever (0 is the first), as soon as it is there. */
  call(index: number): Promise<VendorCall>;
  /** Connections opened so far. */
  connections: number;
  /** Cuts all connections and stops listening. */
  close(): Promise<void>;
}

/** A JSON answer. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answering {
  return (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Starts a vendor that accepts everything. */
export async function startVendor(): Promise<HttpVendor> {
  const waiting = new Map<number, () => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const raw = Buffer.concat(chunks);
      const call = { method, url, headers, body: raw.toString(), raw };
      vendor.calls.push(call);
      waiting.get(vendor.calls.length - 1)?.();
      vendor.answering(response, call);
    });
  });
  server.on('connection', () => vendor.connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const vendor: HttpVendor = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    answering: json(200, { id: 'ref-1', status: 'queued' }),
    connections: 0,
    async call(index) {
      if (vendor.calls.length <= index) await new Promise<void>((resolve) => waiting.set(index, resolve));
      return vendor.calls[index]!;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return vendor;
}
