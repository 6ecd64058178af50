/** An `smpp` provider in front of a message centre on the loopback, fresh for each test. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach } from 'node:test';
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { smppProvider } from '#providers/smpp.ts';
import { outgoing, providerConfig, testTools } from './provider-tools.ts';
import type { TestTools } from './provider-tools.ts';
import { startSmsc } from './smsc.ts';
import type { Smsc } from './smsc.ts';

/** The message centre and tools of the test that runs. */
export interface SmppBench {
  smsc: Smsc;
  tools: TestTools;
  /** Resolves when so many warnings have been logged. */
  warned(count: number): Promise<void>;
  /** Opens a provider, closed after the test. */
  open(settings?: JsonObject): Provider;
  /** Opens a provider and sends one message. */
  send(settings: JsonObject, message?: Partial<OutgoingMessage>): Promise<SendOutcome>;
}

/** The settings for a message centre, and what a test says. */
export function settingsFor({ port }: { port: number }, more: JsonObject = {}): JsonObject {
  return { host: '127.0.0.1', port, systemId: 'carom', password: 's3cret', ...more };
}

/** To be called within `describe`. */
export function smppBench(): SmppBench {
  const opened: Provider[] = [];
  let onWarning = (): void => undefined;
  const bench = {
    async warned(count: number): Promise<void> {
      while (bench.tools.warnings.length < count) await new Promise<void>((resolve) => (onWarning = resolve));
    },
    open(settings: JsonObject = {}): Provider {
      const all = settingsFor(bench.smsc, settings);
      assert.equal(smppProvider.faultOf(all, bench.tools.templates), null);
      const provider = smppProvider.open(providerConfig('smpp', all), bench.tools);
      opened.push(provider);
      return provider;
    },
    send: (settings: JsonObject, message: Partial<OutgoingMessage> = {}) =>
      bench.open(settings).send(outgoing(message)),
  } as SmppBench;
  beforeEach(async () => {
    bench.smsc = await startSmsc();
    const tools = testTools();
    const warn = (fields: object, message: string) => {
      tools.log.warn(fields, message);
      onWarning();
    };
    bench.tools = { ...tools, log: { ...tools.log, warn } };
  });
  afterEach(async () => {
    await bench.smsc.close();
    await Promise.all(opened.splice(0).map((provider) => provider.close()));
  });
  return bench;
}
