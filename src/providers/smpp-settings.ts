/** The settings of `type: smpp` (docs/providers/smpp.md). */
import { isIP } from 'node:net';
import { parseDurationMs } from '#domain/time.ts';
import type { JsonObject } from '#domain/request.ts';
import { ID_FORMS } from './smpp-ids.ts';
import type { IdForms } from './smpp-ids.ts';
import { MEANING_WORDS } from './smpp-status.ts';
import type { Meaning } from './smpp-status.ts';
import { ALPHABETS } from './smpp-text.ts';
import type { Alphabet } from './smpp-text.ts';
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

/** Ports by custom: without and with TLS. */
const PORT = { plain: 2_775, tls: 3_550 };
/** PDUs of ours without an answer, at once. */
const WINDOW = { min: 1, max: 1_000, default: 10 };
/** For connecting and binding together, and for each answer. */
const TIMEOUT = { min: 1_000, max: 120_000, default: 10_000 };
/** Between two looks whether the peer is there. */
const ENQUIRE_LINK = { min: 1_000, max: 3_600_000, default: 30_000 };
/** How long nothing is sent after the peer has refused a message for its pace: it does not say itself. */
const THROTTLE_PAUSE = { min: 100, max: 60_000, default: 1_000 };
/** Parts of one message. */
const PARTS = { min: 1, max: 255, default: 10 };
/** A type of number, and a numbering plan. */
const TON = { min: 0, max: 6, default: 0 };
const NPI = { min: 0, max: 18, default: 0 };
const OCTET = { min: 0, max: 255, default: 0 };
/** How long the network may try; written as days, hours, minutes and seconds. */
const VALIDITY = { min: 60_000, max: 30 * 86_400_000 };
/** Statuses that may be given a meaning. */
const STATUSES_MAX = 100;
/** Characters of an address, without the zero (SMPP 3.4 §4.4.1). */
export const ADDRESS_LENGTH_MAX = 20;

/** How a long text goes out: parts with a header of an 8-bit or 16-bit reference, one optional field, or parts told by optional fields. */
const LONG_MESSAGES = ['udh', 'udh16', 'payload', 'sar'] as const;
const BINDS = ['transceiver', 'transmitter_receiver'] as const;

const KEYS = [
  'host',
  'port',
  'tls',
  'ca',
  'systemId',
  'password',
  'systemType',
  'bind',
  'addressRange',
  'addressTon',
  'addressNpi',
  'window',
  'timeout',
  'enquireLink',
  'throttlePause',
  'from',
  'sourceTon',
  'sourceNpi',
  'destTon',
  'destNpi',
  'serviceType',
  'alphabet',
  'dataCoding',
  'longMessages',
  'maxParts',
  'validityPeriod',
  'registeredDelivery',
  'userReference',
  'messageIds',
  'unmarkedReceipts',
  'statuses',
] as const;

/** Where the peer is, and who we are to it. */
export interface BindSettings {
  host: string;
  port: number;
  /** `ca`: certificates to trust instead of the well-known ones, PEM; null: those. */
  tls: { ca: string | null } | null;
  systemId: string;
  password: string;
  systemType: string;
  addressTon: number;
  addressNpi: number;
  addressRange: string;
  window: number;
  timeoutMs: number;
  enquireLinkMs: number;
}

/** What a message is made into. Null: as the address, the alphabet or the peer says. */
export interface SubmitSettings {
  from: string | null;
  sourceTon: number | null;
  sourceNpi: number | null;
  destTon: number | null;
  destNpi: number | null;
  serviceType: string;
  alphabet: Alphabet;
  dataCoding: number | null;
  longMessages: (typeof LONG_MESSAGES)[number];
  maxParts: number;
  validityMs: number | null;
  registeredDelivery: number | null;
  userReference: boolean;
}

/** All of them. */
export interface SmppSettings {
  bind: BindSettings;
  isSplit: boolean;
  submit: SubmitSettings;
  messageIds: IdForms;
  unmarkedReceipts: boolean;
  statuses: ReadonlyMap<number, Meaning>;
  throttlePauseMs: number;
}

/** @throws {SettingsFault} */
export function readSmpp(settings: JsonObject): SmppSettings {
  assertKeys(settings, KEYS, '');
  return {
    bind: readBind(settings),
    isSplit: readWord(settings, 'bind', '', BINDS) === 'transmitter_receiver',
    submit: readSubmit(settings),
    messageIds: readWord(settings, 'messageIds', '', ID_FORMS),
    unmarkedReceipts: readFlag(settings, 'unmarkedReceipts', '', false),
    statuses: readStatuses(settings),
    throttlePauseMs: readDurationMs(settings, 'throttlePause', '', THROTTLE_PAUSE),
  };
}

function readBind(settings: JsonObject): BindSettings {
  const ca = readText(settings, 'ca', '');
  const hasTls = readFlag(settings, 'tls', '', false);
  if (ca !== null && !hasTls) throw new SettingsFault('ca', 'is for TLS; say "tls: true" too, or leave it out');
  const port = { min: 1, max: 65_535, default: hasTls ? PORT.tls : PORT.plain };
  return {
    host: readHost(settings),
    port: readInteger(settings, 'port', '', port),
    tls: hasTls ? { ca } : null,
    systemId: readOctets(settings, 'systemId', 15, readNeeded(settings, 'systemId', '', 'the name of your account')),
    // The specification says 8 characters; some peers give longer ones, and take them.
    password: readOctets(settings, 'password', 64),
    systemType: readOctets(settings, 'systemType', 12),
    addressRange: readOctets(settings, 'addressRange', 40),
    addressTon: readInteger(settings, 'addressTon', '', TON),
    addressNpi: readInteger(settings, 'addressNpi', '', NPI),
    window: readInteger(settings, 'window', '', WINDOW),
    timeoutMs: readDurationMs(settings, 'timeout', '', TIMEOUT),
    enquireLinkMs: readDurationMs(settings, 'enquireLink', '', ENQUIRE_LINK),
  };
}

function readHost(settings: JsonObject): string {
  const host = readNeeded(settings, 'host', '', 'the name or address of the message centre');
  const isName = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i.test(host);
  if (!isName && isIP(host) === 0)
    throw new SettingsFault(
      'host',
      `"${host}" is not a host; write it without "smpp://" and port, as smpp.example.com`,
    );
  return host;
}

function readSubmit(settings: JsonObject): SubmitSettings {
  const optional = (key: string, limits: typeof TON) =>
    settings[key] === undefined ? null : readInteger(settings, key, '', limits);
  const from = readText(settings, 'from', '');
  if (from !== null) readOctets(settings, 'from', ADDRESS_LENGTH_MAX, from);
  return {
    from,
    sourceTon: optional('sourceTon', TON),
    sourceNpi: optional('sourceNpi', NPI),
    destTon: optional('destTon', TON),
    destNpi: optional('destNpi', NPI),
    serviceType: readOctets(settings, 'serviceType', 5),
    alphabet: readWord(settings, 'alphabet', '', ALPHABETS),
    dataCoding: optional('dataCoding', OCTET),
    longMessages: readWord(settings, 'longMessages', '', LONG_MESSAGES),
    maxParts: readInteger(settings, 'maxParts', '', PARTS),
    validityMs: readValidity(settings),
    registeredDelivery: optional('registeredDelivery', OCTET),
    userReference: readFlag(settings, 'userReference', '', true),
  };
}

/** Printable ASCII, as the fields of a PDU have it. */
function readOctets(settings: JsonObject, key: string, lengthMax: number, given?: string): string {
  const text = given ?? readText(settings, key, '') ?? '';
  if (text.length > lengthMax || /[^\x20-\x7e]/.test(text))
    throw new SettingsFault(key, `must have at most ${lengthMax} characters of ASCII`);
  return text;
}

function readValidity(settings: JsonObject): number | null {
  const text = readText(settings, 'validityPeriod', '');
  if (text === null) return null;
  const validityMs = parseDurationMs(text);
  if (validityMs === null || validityMs < VALIDITY.min || validityMs > VALIDITY.max)
    throw new SettingsFault('validityPeriod', `"${text}" is not a duration from 1m to 30d, such as 12h`);
  return validityMs;
}

function readStatuses(settings: JsonObject): ReadonlyMap<number, Meaning> {
  const table = readObject(settings, 'statuses', '') ?? {};
  const codes = Object.keys(table);
  if (codes.length > STATUSES_MAX) throw new SettingsFault('statuses', `may have at most ${STATUSES_MAX} of them`);
  const [first, ...others] = MEANING_WORDS as [Meaning, ...Meaning[]];
  return new Map(
    codes.map((code) => {
      const isNumber = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(code) && Number(code) > 0 && Number(code) <= 0xffffffff;
      if (!isNumber) throw new SettingsFault(`statuses.${code}`, 'is not a command_status; write it as "0x0B" or "11"');
      return [Number(code), readWord(table, code, 'statuses', [first, ...others])];
    }),
  );
}
