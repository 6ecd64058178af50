import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { describe } from 'node:test';
import type { JsonObject } from '#domain/request.ts';
import { testTools } from '../../tests/support/provider-tools.ts';
import { readSmpp } from './smpp-settings.ts';
import { STATUSES } from './smpp-status.ts';
import { smppProvider } from './smpp.ts';

const GOOD = { host: 'smpp.example.com', systemId: 'carom', password: 's3cret' };
const { templates } = testTools();

describe('settings of smpp', () => {
  test('need a host and a name, the rest has defaults', () => {
    const { bind, submit, ...rest } = readSmpp({ host: 'smpp.example.com', systemId: 'carom' });
    assert.deepEqual([bind.port, bind.window, bind.timeoutMs, bind.enquireLinkMs], [2_775, 10, 10_000, 30_000]);
    assert.deepEqual([submit.alphabet, submit.longMessages, submit.maxParts], ['gsm7', 'udh', 10]);
    assert.deepEqual([rest.isSplit, rest.messageIds, rest.throttlePauseMs], [false, 'same', 1_000]);
    assert.equal(readSmpp({ ...GOOD, tls: true }).bind.port, 3_550);
  });

  const faults: [settings: JsonObject, path: string, message: RegExp][] = [
    [{ host: undefined as never }, 'host', /is needed/],
    [{ host: 'smpp://smpp.example.com:2775' }, 'host', /without "smpp:\/\/" and port/],
    [{ systemId: '' }, 'systemId', /is needed/],
    [{ systemId: 'longer than sixteen' }, 'systemId', /at most 15/],
    [{ password: 'pässword' }, 'password', /ASCII/],
    [{ password: 7 }, 'password', /put quotes/],
    [{ port: 0 }, 'port', /from 1 to 65535/],
    [{ ca: 'PEM' }, 'ca', /tls: true/],
    [{ window: 0 }, 'window', /from 1 to 1000/],
    [{ bind: 'receiver' }, 'bind', /transceiver, transmitter_receiver/],
    [{ timeout: '10ms' }, 'timeout', /out of bounds/],
    [{ alphabet: 'utf8' }, 'alphabet', /gsm7, gsm7_packed, latin1, ucs2/],
    [{ dataCoding: 256 }, 'dataCoding', /from 0 to 255/],
    [{ sourceTon: 7 }, 'sourceTon', /from 0 to 6/],
    [{ from: 'a sender name that is too long' }, 'from', /at most 20/],
    [{ longMessages: 'tlv' }, 'longMessages', /udh, udh16, payload, sar/],
    [{ messageIds: 'both' }, 'messageIds', /hex_to_decimal/],
    [{ validityPeriod: '90d' }, 'validityPeriod', /from 1m to 30d/],
    [{ statuses: { ESME_ROK: 'blocked' } }, 'statuses.ESME_ROK', /is not a command_status/],
    [{ statuses: { '0x401': 'maybe' } }, 'statuses.0x401', /use throttled/],
    [{ secret: 'x' }, 'secret', /is not known here/],
  ];
  for (const [settings, path, message] of faults)
    test(`${JSON.stringify(settings)} is a fault at ${path}`, () => {
      const fault = smppProvider.faultOf(JSON.parse(JSON.stringify({ ...GOOD, ...settings })) as JsonObject, templates);
      assert.equal(fault?.path, path);
      assert.match(fault.message, message);
    });
});

test('docs/providers/smpp.md has every status, with what it means', () => {
  const page = readFileSync(new URL('../../docs/providers/smpp.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `(0x[0-9A-F]{2,8})` \| `(\w+)` \| `(\w+)` \|/gm)].map(([, ...cells]) => cells);
  const statuses = Object.entries(STATUSES).map(([status, [name, meaning]]) => {
    return [`0x${Number(status).toString(16).toUpperCase().padStart(2, '0')}`, name, meaning];
  });
  assert.deepEqual(rows, statuses);
});
