import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import test, { describe } from 'node:test';
import { createTwigTemplates } from '#templates/twig.ts';
import type { JsonObject } from '#domain/request.ts';
import { smtpProvider } from './smtp.ts';
import { readSmtpSettings } from './smtp-settings.ts';

const templates = createTwigTemplates();
const HOST = { host: 'smtp.example.com' };
const faultOf = (settings: JsonObject) => smtpProvider.faultOf(settings, templates);
const pem = (type: 'rsa' | 'ed25519', modulusLength = 2_048): string =>
  (type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength }) : generateKeyPairSync('ed25519')).privateKey
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();

test('a host is enough: encrypted, to the port for submission', () => {
  const plan = readSmtpSettings(HOST);
  assert.deepEqual([plan.port, plan.tls, plan.timeoutMs, plan.concurrency], [587, 'starttls', 30_000, 10]);
  assert.deepEqual([plan.login, plan.from, plan.dkim, plan.bounces, plan.complaints], [null, null, null, null, null]);
  const portFor = (tls: string) => readSmtpSettings({ ...HOST, tls }).port;
  assert.deepEqual([portFor('implicit'), portFor('opportunistic'), portFor('none')], [465, 25, 25]);
});

test('bounces are a domain, or a mailbox', () => {
  const bouncesOf = (bounces: string) => readSmtpSettings({ ...HOST, bounces }).bounces;
  assert.deepEqual(bouncesOf('Bounce.example.com'), { localPart: 'b', domain: 'bounce.example.com' });
  assert.deepEqual(bouncesOf('returns@example.com'), { localPart: 'returns', domain: 'example.com' });
});

describe('a fault names its place', () => {
  const dkim = { domain: 'example.com', selector: 'mail', privateKey: pem('rsa') };
  assert.equal(faultOf({ ...HOST, dkim }), null);
  const CASES: [settings: JsonObject, path: string, message: RegExp][] = [
    [{}, 'host', /is needed/],
    [{ host: 'smtp.example.com:587\r\n' }, 'host', /not a host/],
    [{ ...HOST, hots: 'x' }, 'hots', /use host, port/],
    [{ ...HOST, port: 0 }, 'port', /1 to 65535/],
    [{ ...HOST, tls: 'yes' }, 'tls', /starttls, implicit, opportunistic, none/],
    [{ ...HOST, user: 'shop' }, 'password', /is needed/],
    [{ ...HOST, password: 's3cret' }, 'user', /is needed/],
    [{ ...HOST, tls: 'opportunistic', user: 'shop', password: 's3cret' }, 'tls', /starttls or implicit/],
    [{ ...HOST, name: 'mail example' }, 'name', /not a domain/],
    [{ ...HOST, from: 'Shop' }, 'from', /not an e-mail address/],
    [{ ...HOST, bounces: 'no domain' }, 'bounces', /not a domain/],
    [{ ...HOST, bounces: 'bounces-of-our-shop@example.com' }, 'bounces', /at most 10 characters/],
    [{ ...HOST, complaints: 'fbl' }, 'complaints', /not an address/],
    [{ ...HOST, timeout: '10ms' }, 'timeout', /out of bounds/],
    [{ ...HOST, concurrency: 1_000 }, 'concurrency', /1 to 200/],
    [{ ...HOST, deliveryReports: 'yes' }, 'deliveryReports', /true or false/],
    [{ ...HOST, dkim: { ...dkim, selector: 'a b' } }, 'dkim.selector', /not a name/],
    [{ ...HOST, dkim: { ...dkim, privateKey: 'secret words' } }, 'dkim.privateKey', /RSA private key/],
    [{ ...HOST, dkim: { ...dkim, privateKey: pem('ed25519') } }, 'dkim.privateKey', /RSA private key/],
    [{ ...HOST, dkim: { ...dkim, privateKey: pem('rsa', 512) } }, 'dkim.privateKey', /1024 bits/],
    [{ ...HOST, dkim: { ...dkim, key: 'x' } }, 'dkim.key', /use domain, selector, privateKey/],
  ];
  for (const [settings, path, message] of CASES)
    test(`${path} ${message.source}`, () => {
      const fault = faultOf(settings);
      assert.equal(fault?.path, path);
      assert.match(fault.message, message);
      assert.doesNotMatch(fault.message, /s3cret|secret words/);
    });
});
