/** The settings of `type: smtp` (docs/providers/smtp.md). */
import { createPrivateKey } from 'node:crypto';
import type { JsonObject } from '#domain/request.ts';
import { MAILBOX_LENGTH_MAX } from './bounce-address.ts';
import type { BounceMailbox } from './bounce-address.ts';
import { domainOf, readAddress } from './mail-address.ts';
import type { NamedAddress } from './mail-address.ts';
import { readFrom } from './mail-parties.ts';
import {
  SettingsFault,
  assertKeys,
  readDurationMs,
  readFlag,
  readInteger,
  readNeeded,
  readObject,
  readText,
  readWord,
} from './settings.ts';

/** What one message may take, from asking for a connection to the answer. Servers look into mail before they answer. */
const TIMEOUT = { min: 1_000, max: 600_000, default: 30_000 };
/** Connections, each with one message at a time. Servers commonly allow 10 to 50 of one client. */
const CONCURRENCY = { min: 1, max: 200, default: 10 };
const PORT = { min: 1, max: 65_535 };
/** Bits of an RSA key below which receivers take a signature for none (RFC 8301 §3.2). */
const DKIM_KEY_BITS_MIN = 1_024;
const HOST = /^[a-z0-9.:-]{1,253}$/i;
/** The local part of envelope senders where only a domain is given. */
const BOUNCES_LOCAL_PART = 'b';

const TLS_MODES = ['starttls', 'implicit', 'opportunistic', 'none'] as const;
const PORT_OF: Record<(typeof TLS_MODES)[number], number> = {
  starttls: 587,
  implicit: 465,
  opportunistic: 25,
  none: 25,
};
const KEYS = [
  'host',
  'port',
  'tls',
  'ca',
  'user',
  'password',
  'name',
  'from',
  'dkim',
  'bounces',
  'complaints',
  'deliveryReports',
  'timeout',
  'concurrency',
];

/** What they come to. */
export interface SmtpPlan {
  host: string;
  port: number;
  tls: (typeof TLS_MODES)[number];
  /** PEM; null: the public authorities. */
  ca: string | null;
  login: { user: string; password: string } | null;
  /** What this side calls itself; null: the machine's name. */
  name: string | null;
  /** For messages without a sender of their own. */
  from: NamedAddress | null;
  dkim: { domain: string; selector: string; privateKey: string } | null;
  /** Null: bounces go to the sender, and nobody reads them here. */
  bounces: BounceMailbox | null;
  /** An address to which feedback loops report; null: none. */
  complaints: string | null;
  /** Asks servers that can to report deliveries, too. */
  deliveryReports: boolean;
  timeoutMs: number;
  concurrency: number;
}

/** @throws {SettingsFault} */
export function readSmtpSettings(settings: JsonObject): SmtpPlan {
  assertKeys(settings, KEYS, '');
  const tls = readWord(settings, 'tls', '', TLS_MODES);
  return {
    host: readHost(settings),
    port: readInteger(settings, 'port', '', { ...PORT, default: PORT_OF[tls] }),
    tls,
    ca: readText(settings, 'ca', ''),
    login: readLogin(settings, tls),
    name: readDomain(settings, 'name'),
    from: readFrom(settings),
    dkim: readDkim(settings),
    bounces: readBounces(settings),
    complaints: readComplaints(settings),
    deliveryReports: readFlag(settings, 'deliveryReports', '', true),
    timeoutMs: readDurationMs(settings, 'timeout', '', TIMEOUT),
    concurrency: readInteger(settings, 'concurrency', '', CONCURRENCY),
  };
}

function readHost(settings: JsonObject): string {
  const host = readNeeded(settings, 'host', '', 'the name of the mail server, such as smtp.example.com');
  if (!HOST.test(host))
    throw new SettingsFault('host', `"${host}" is not a host; give a name or an IP address, the port as "port"`);
  return host;
}

function readLogin(settings: JsonObject, tls: SmtpPlan['tls']): SmtpPlan['login'] {
  const user = readText(settings, 'user', '');
  const password = readText(settings, 'password', '');
  if (user === null && password === null) return null;
  if (!user) throw new SettingsFault('user', 'is needed beside "password"');
  if (!password) throw new SettingsFault('password', 'is needed beside "user"');
  // Whoever sits between could take the offer of TLS away, and have the password.
  if (tls === 'opportunistic') throw new SettingsFault('tls', 'must be starttls or implicit where there is a password');
  return { user, password };
}

function readDomain(settings: JsonObject, key: string): string | null {
  const domain = readText(settings, key, '');
  if (domain === null) return null;
  if (readAddress(`x@${domain}`) === null)
    throw new SettingsFault(key, `"${domain}" is not a domain such as mail.example.com`);
  return domain;
}

function readDkim(settings: JsonObject): SmtpPlan['dkim'] {
  const dkim = readObject(settings, 'dkim', '');
  if (!dkim) return null;
  assertKeys(dkim, ['domain', 'selector', 'privateKey'], 'dkim');
  const domain = readNeeded(dkim, 'domain', 'dkim', 'the domain that signs, such as example.com');
  const selector = readNeeded(dkim, 'selector', 'dkim', 'where the public key is: <selector>._domainkey.<domain>');
  const privateKey = readNeeded(dkim, 'privateKey', 'dkim', 'an RSA key in PEM');
  for (const [key, name] of Object.entries({ domain, selector }))
    if (readAddress(`x@${name}`) === null) throw new SettingsFault(`dkim.${key}`, `"${name}" is not a name of the DNS`);
  if (!isSigningKey(privateKey))
    throw new SettingsFault('dkim.privateKey', `is not an RSA private key in PEM of ${DKIM_KEY_BITS_MIN} bits or more`);
  return { domain, selector, privateKey };
}

function isSigningKey(pem: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem);
    return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= DKIM_KEY_BITS_MIN;
  } catch {
    // Not a key at all; what OpenSSL says of it would quote it.
    return false;
  }
}

function readBounces(settings: JsonObject): BounceMailbox | null {
  const text = readText(settings, 'bounces', '');
  if (text === null) return null;
  const address = readAddress(text.includes('@') ? text : `${BOUNCES_LOCAL_PART}@${text}`);
  if (address === null)
    throw new SettingsFault('bounces', `"${text}" is not a domain, nor an address such as bounces@example.com`);
  const domain = domainOf(address);
  const localPart = address.slice(0, address.length - domain.length - 1);
  if (localPart.length > MAILBOX_LENGTH_MAX || !/^[\x21-\x7e]+$/.test(localPart))
    throw new SettingsFault(
      'bounces',
      `"${localPart}" must be ASCII and have at most ${MAILBOX_LENGTH_MAX} characters: the message's id follows it`,
    );
  return { localPart, domain: domain.toLowerCase() };
}

function readComplaints(settings: JsonObject): string | null {
  const text = readText(settings, 'complaints', '');
  if (text === null) return null;
  const address = readAddress(text);
  if (address === null)
    throw new SettingsFault('complaints', `"${text}" is not an address such as fbl@bounce.example.com`);
  return address.toLowerCase();
}
