/** Apple's push service on the loopback: a real HTTP/2 server over TLS that keeps what it got and answers as it is told. */
import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.ts';

/** A call as the service got it. */
export interface ApnsCall {
  path: string;
  headers: Http2ServerRequest['headers'];
  body: string;
  session: ServerHttp2Session;
}

/** Answers a call, or leaves it without an answer. */
export type ApnsAnswering = (response: Http2ServerResponse, call: ApnsCall) => void;

/** The running service. */
export interface ApnsServer {
  /** `https://127.0.0.1:port`. */
  url: string;
  calls: ApnsCall[];
  answering: ApnsAnswering;
  /** Connections that are open, in the order they came. */
  sessions: ServerHttp2Session[];
  /** Connections opened so far. */
  connections: number;
  /** The nth call ever (0 is the first), as soon as it is there. */
  call(index: number): Promise<ApnsCall>;
  close(): Promise<void>;
}

/** As Apple answers: an empty body when it is taken, else JSON with a reason. */
export function apnsAnswer(status: number, reason?: string, headers: Record<string, string> = {}): ApnsAnswering {
  return (response, call) => {
    response.writeHead(status, { 'apns-id': String(call.headers['apns-id']), ...headers });
    response.end(reason === undefined ? '' : JSON.stringify({ reason }));
  };
}

/** Starts a service that takes everything. @param streamsMax calls that it allows at once over one connection. */
export async function startApns(streamsMax = 1_000): Promise<ApnsServer> {
  const waiting = new Map<number, () => void>();
  const server = createSecureServer(
    { cert: CERTIFICATE, key: CERTIFICATE_KEY, settings: { maxConcurrentStreams: streamsMax } },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      // A client that gives up resets its stream.
      request.on('error', () => undefined);
      request.on('end', () => {
        const { url, headers } = request;
        const body = Buffer.concat(chunks).toString();
        const call = { path: url, headers, body, session: request.stream.session as ServerHttp2Session };
        apns.calls.push(call);
        waiting.get(apns.calls.length - 1)?.();
        apns.answering(response, call);
      });
    },
  );
  server.on('session', (session) => {
    apns.connections++;
    apns.sessions.push(session);
    session.on('close', () => apns.sessions.splice(apns.sessions.indexOf(session), 1));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const apns: ApnsServer = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    answering: apnsAnswer(200),
    sessions: [],
    connections: 0,
    async call(index) {
      if (apns.calls.length <= index) await new Promise<void>((resolve) => waiting.set(index, resolve));
      return apns.calls[index]!;
    },
    async close() {
      server.close();
      for (const session of apns.sessions.slice()) session.destroy();
      await once(server, 'close');
    },
  };
  return apns;
}
