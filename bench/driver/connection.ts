/**
 * One keep-alive connection with one request under way at a time, as little work as HTTP/1.1 allows: the load generator
 * shares the machine with what it measures, and a full client would take more of it than the server does.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** What was answered. */
export interface Answer {
  status: number;
  body: Buffer;
}

/** An open connection. */
export interface Connection {
  /** Writes a whole request and reads its answer. Rejects when the connection breaks; it is then of no more use. */
  send(request: string): Promise<Answer>;
  close(): void;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** Connects to a port of this machine. */
export async function openConnection(port: number): Promise<Connection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return overSocket(socket);
}

function overSocket(socket: Socket): Connection {
  let waiting: { resolve(answer: Answer): void; reject(error: Error): void } | null = null;
  let received: Buffer | null = null;
  const fail = (error: Error) => {
    waiting?.reject(error);
    waiting = null;
  };
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the connection was closed')));
  socket.on('data', (chunk: Buffer) => {
    received = received ? Buffer.concat([received, chunk]) : chunk;
    const answer = parse(received);
    if (!answer) return;
    received = null;
    const { resolve } = waiting!;
    waiting = null;
    resolve(answer);
  });
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error('the connection is closed'));
        waiting = { resolve, reject };
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}

/** The answer once all of it is there; every server here says how long its bodies are. */
function parse(received: Buffer): Answer | null {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd === -1) return null;
  const head = received.toString('latin1', 0, headEnd);
  const bodyStart = headEnd + HEAD_END.length;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
  if (received.length < bodyStart + length) return null;
  return { status: Number(head.slice(9, 12)), body: received.subarray(bodyStart, bodyStart + length) };
}

/** The text of a request with a form. */
export function formRequest(path: string, headers: Record<string, string>, form: string): string {
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${more.join('')}content-type: application/x-www-form-urlencoded\r\ncontent-length: ${Buffer.byteLength(form)}\r\n\r\n${form}`;
}

/** The text of a request with a JSON body. */
export function postRequest(path: string, key: string | null, body: object): string {
  const text = JSON.stringify(body);
  const authorization = key === null ? '' : `authorization: Bearer ${key}\r\n`;
  return `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${authorization}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}
