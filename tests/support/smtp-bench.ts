/** The provider `smtp` in front of a server that can be told what to do. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { smtpProvider } from '#providers/smtp.ts';
import { startMailServer } from './mail-server.ts';
import type { MailServer } from './mail-server.ts';
import { outgoing, providerConfig, testTools } from './provider-tools.ts';
import type { TestTools } from './provider-tools.ts';

/** Settings for a server on this port. */
export const settingsFor = (port: number): JsonObject => ({
  host: '127.0.0.1',
  port,
  tls: 'none',
  from: 'Shop <shop@example.com>',
  bounces: 'bounce.example.com',
});

/** A mail to this address. */
export const mailTo = (to: string, changes: Partial<OutgoingMessage> = {}): OutgoingMessage =>
  outgoing({
    channel: 'email',
    to,
    from: 'Shop <shop@example.com>',
    subject: 'Your order',
    body: 'Hi Ana',
    ...changes,
  });

/** Server and provider. */
interface Bench {
  server: MailServer;
  tools: TestTools;
  provider: Provider;
  send(to?: string, changes?: Partial<OutgoingMessage>): Promise<SendOutcome>;
}

/** Starts both for one test. */
export async function bench(
  t: TestContext,
  settings: JsonObject = {},
  options: Parameters<typeof startMailServer>[0] = {},
): Promise<Bench> {
  const server = await startMailServer(options);
  const tools = testTools();
  const provider = smtpProvider.open(providerConfig('smtp', { ...settingsFor(server.port), ...settings }), tools);
  t.after(async () => {
    await server.close();
    await provider.close();
  });
  return {
    server,
    tools,
    provider,
    send: (to = 'ana@example.net', changes = {}) => provider.send(mailTo(to, changes)),
  };
}

/** A server of a test's own making. */
export async function rawServer(t: TestContext, talk: (socket: Socket) => void): Promise<JsonObject> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    talk(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return settingsFor((server.address() as AddressInfo).port);
}

/** Answers each command after the greeting with the next of the lines. */
export function answerWith(socket: Socket, lines: string[]): void {
  socket.write('220 mx.example.net\r\n');
  socket.on('data', () => {
    const line = lines.shift();
    if (line !== undefined) socket.write(`${line}\r\n`);
  });
}

/** A provider alone. */
export const open = (settings: JsonObject, tools = testTools()) =>
  smtpProvider.open(providerConfig('smtp', settings), tools);

/** The outcome, which must be a rejection. */
export const rejection = (outcome: SendOutcome) => {
  assert(outcome.kind === 'rejected', JSON.stringify(outcome));
  return outcome;
};

/** What decides how it goes on. */
export const pick = ({ reason, retryable, tryElsewhere }: ReturnType<typeof rejection>) => [
  reason,
  retryable,
  tryElsewhere,
];
