import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Agent, request } from 'undici';
import { startVendor } from '../../tests/support/http-vendor.ts';
import type { HttpVendor } from '../../tests/support/http-vendor.ts';
import { guardedConnector } from './guarded-connector.ts';

let vendor: HttpVendor;
before(async () => {
  vendor = await startVendor();
});
after(() => vendor.close());

async function call(host: string, allowPrivate: boolean): Promise<number> {
  const dispatcher = new Agent({ connect: guardedConnector(allowPrivate) });
  try {
    const { statusCode, body } = await request(`http://${host}:${new URL(vendor.url).port}/`, { dispatcher });
    await body.dump();
    return statusCode;
  } finally {
    await dispatcher.close();
  }
}

test('no connection is made to a private address, as a name, a number or an address', async () => {
  for (const host of ['127.0.0.1', '2130706433', '127.1', '[::1]', '[::ffff:127.0.0.1]', 'localhost', '0.0.0.0']) {
    await assert.rejects(call(host, false), /private network.*privateNetwork: allow/, host);
  }
  assert.equal(vendor.connections, 0);
});

test('where it is allowed, the same addresses are called', async () => {
  for (const host of ['127.0.0.1', '2130706433', 'localhost']) assert.equal(await call(host, true), 200);
});

test('an error of the name server is told as it is', async () => {
  await assert.rejects(call('there-is-no-such-name.invalid', false), /ENOTFOUND|EAI_AGAIN/);
});
