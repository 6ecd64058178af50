/** An `http` provider in front of a vendor on the loopback, fresh for each test. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach } from 'node:test';
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { httpProvider } from '#providers/http.ts';
import { startVendor } from './http-vendor.ts';
import type { HttpVendor } from './http-vendor.ts';
import { outgoing, providerConfig, testTools } from './provider-tools.ts';
import type { TestTools } from './provider-tools.ts';

/** The vendor and tools of the test that runs. */
export interface HttpBench {
  vendor: HttpVendor;
  tools: TestTools;
  /** Opens a provider, closed after the test. */
  open(settings: JsonObject): Provider;
  /** Opens a provider and sends one message. */
  send(settings: JsonObject, message?: Partial<OutgoingMessage>): Promise<SendOutcome>;
  /** Settings whose request goes to the vendor. */
  request(changes: JsonObject): JsonObject;
}

/** To be called within `describe`. */
export function httpBench(): HttpBench {
  const opened: Provider[] = [];
  const bench = {
    open(settings: JsonObject): Provider {
      assert.equal(httpProvider.faultOf(settings, bench.tools.templates), null);
      const provider = httpProvider.open(providerConfig('http', settings), bench.tools);
      opened.push(provider);
      return provider;
    },
    send: (settings: JsonObject, message: Partial<OutgoingMessage> = {}) =>
      bench.open(settings).send(outgoing(message)),
    request: (changes: JsonObject): JsonObject => ({ request: { url: `${bench.vendor.url}/send`, ...changes } }),
  } as HttpBench;
  beforeEach(async () => {
    bench.vendor = await startVendor();
    bench.tools = testTools();
  });
  afterEach(async () => {
    await bench.vendor.close();
    await Promise.all(opened.splice(0).map((provider) => provider.close()));
  });
  return bench;
}
