import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { JsonObject } from '#domain/request.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import { settingsFor } from '../../tests/support/smpp-bench.ts';
import { startSmsc } from '../../tests/support/smsc.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../../tests/support/certificate.ts';
import { smppProvider } from './smpp.ts';

/** What comes of a message to a message centre that has TLS, or has not. */
async function sent(hasTls: boolean, settings: JsonObject): Promise<SendOutcome> {
  const smsc = await startSmsc(hasTls ? { cert: CERTIFICATE, key: CERTIFICATE_KEY } : null);
  const tools = testTools();
  const provider = smppProvider.open(providerConfig('smpp', settingsFor(smsc, settings)), tools);
  const sending = provider.send(outgoing());
  if (settings['tls'] && !hasTls) {
    // It takes the handshake for a PDU that is not whole yet.
    await smsc.connected(0);
    tools.pass(10_000);
  }
  const outcome = await sending;
  await smsc.close();
  await provider.close();
  return outcome;
}

describe('smpp with TLS', () => {
  const trusted = { tls: true, ca: CERTIFICATE };

  for (const host of ['127.0.0.1', 'localhost'])
    test(`to ${host}, whose certificate is trusted`, async () => {
      assert.deepEqual(await sent(true, { ...trusted, host }), { kind: 'accepted', ref: 'id-0' });
    });

  const faults: [what: string, hasTls: boolean, settings: JsonObject, detail: RegExp][] = [
    ['a certificate that nobody trusts', true, { tls: true }, /self.signed certificate/],
    ['a peer without TLS', false, trusted, /no connection within/],
  ];
  for (const [what, hasTls, settings, detail] of faults)
    test(`${what} is no connection`, async () => {
      const outcome = await sent(hasTls, settings);
      assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
      assert.match(outcome.detail!, detail);
    });
});
