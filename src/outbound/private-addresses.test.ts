import assert from 'node:assert/strict';
import test from 'node:test';
import { isPrivateAddress, isPrivateHost } from './private-addresses.ts';

const PRIVATE = [
  ['0.0.0.0', '10.0.0.1', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.255.255', '169.254.169.254'],
  [
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '203.0.113.9',
  ],
  ['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
  ['::', '::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::1', '100::1'],
  [
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    'fc00::1',
    'fd12::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
  ],
].flat();
const PUBLIC = [
  ['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.1', '100.63.255.255', '100.128.0.1', '126.255.255.255', '128.0.0.1'],
  [
    '169.253.0.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.167.1.1',
    '192.169.0.1',
    '198.17.0.1',
    '198.20.0.1',
    '223.255.255.255',
  ],
  ['2606:4700::1111', '2001:4860:4860::8888', '2a00:1450::1', '2003::1', '3ffe::1'],
].flat();

test('private, loopback, link-local, shared, multicast and tunnelled addresses are private', () => {
  assert.deepEqual(
    PRIVATE.filter((address) => !isPrivateAddress(address)),
    [],
  );
});

test('the public Internet is not', () => {
  assert.deepEqual(PUBLIC.filter(isPrivateAddress), []);
});

test('what is no address is treated as private: nothing is known about it', () => {
  for (const text of ['', 'shop.example', '127.1', '2130706433', '1.2.3.4.5'])
    assert.equal(isPrivateAddress(text), true, text);
});

test('hosts of URLs are known as private in every writing', () => {
  const hosts = [
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.1',
    '[::1]',
    '[::ffff:7f00:1]',
    'localhost',
    'a.LOCALHOST',
    'localhost.',
  ];
  for (const host of hosts) assert.equal(isPrivateHost(new URL(`http://${host}/`).hostname), true, host);
  for (const host of ['shop.example', '8.8.8.8', 'localhost.example', '[2606:4700::1111]']) {
    assert.equal(isPrivateHost(new URL(`http://${host}/`).hostname), false, host);
  }
});
