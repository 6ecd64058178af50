/** `type: sandbox`: a vendor that does what the recipient's address says (docs/providers/sandbox.md). */
import type { MessageId } from '#domain/ids.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { JsonObject } from '#domain/request.ts';
import { unreachable } from '#domain/unreachable.ts';
import type {
  Callback,
  OutgoingMessage,
  Provider,
  ProviderTools,
  ProviderType,
  Receipt,
  SendOutcome,
} from '#ports/provider.ts';
import { ownReceiptsIn } from './own-receipts.ts';
import { SettingsFault, assertKeys, faultOfReading, readDurationMs, readText } from './settings.ts';

/** When the receipt for a message comes, in ms. */
const RECEIPT_DELAY_MS = 50;
/** When it comes late, in ms. */
const LATE_RECEIPT_DELAY_MS = 3_000;
/** What `throttled` asks to wait, in ms. */
const RETRY_AFTER_MS = 1_000;
/** How long `timeout` keeps its caller waiting. */
const TIMEOUT = { min: 10, max: 120_000, default: 10_000 };
/** Messages that are remembered as throttled once; beyond them the oldest may be throttled again. */
const THROTTLED_MAX = 10_000;

/** What it can do, and the last four digits of a phone number that ask for it. */
const BEHAVIOURS = {
  delivered: null,
  rejected: '0002',
  undelivered: '0003',
  silent: '0004',
  late: '0005',
  throttled: '0006',
  timeout: '0007',
  error: '0008',
} as const;

/** A name of the table. */
export type Behaviour = keyof typeof BEHAVIOURS;

const NAMES = Object.keys(BEHAVIOURS) as Behaviour[];

interface SandboxSettings {
  behave: Behaviour;
  timeoutMs: number;
}

/** Calls to a sandbox under way at once: it keeps nobody waiting but those who ask for it. */
const CONCURRENCY = 1_024;

/** The word `sandbox` of the catalogue. */
export const sandboxProvider: ProviderType = {
  type: 'sandbox',
  reports: true,
  secrets: [],
  faultOf: (settings) => faultOfReading(() => readSettings(settings)),
  open: (config, tools) => new Sandbox(config, tools),
};

class Sandbox implements Provider {
  readonly receiptsByRef = false;
  readonly concurrency = CONCURRENCY;
  readonly #config: ProviderConfig;
  readonly #settings: SandboxSettings;
  readonly #tools: ProviderTools;
  readonly #throttled = new Set<MessageId>();
  readonly #underWay = new Set<Promise<SendOutcome>>();

  constructor(config: ProviderConfig, tools: ProviderTools) {
    this.#config = config;
    this.#settings = readSettings(config.settings);
    this.#tools = tools;
  }

  async send(message: OutgoingMessage): Promise<SendOutcome> {
    const sending = this.#act(message);
    this.#underWay.add(sending);
    try {
      return await sending;
    } finally {
      this.#underWay.delete(sending);
    }
  }

  async parseReceipts({ body }: Callback): Promise<Receipt[]> {
    return ownReceiptsIn(body);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  async #act(message: OutgoingMessage): Promise<SendOutcome> {
    const behaviour = behaviourFor(message, this.#settings.behave);
    switch (behaviour) {
      case 'delivered':
        return this.#accept(message, 'delivered', RECEIPT_DELAY_MS);
      case 'rejected':
        return {
          kind: 'rejected',
          reason: 'invalid_number',
          detail: 'the sandbox refuses this address',
          retryable: false,
        };
      case 'undelivered':
        return this.#accept(message, 'undelivered', RECEIPT_DELAY_MS);
      case 'silent':
        return this.#accept(message, null, 0);
      case 'late':
        return this.#accept(message, 'delivered', LATE_RECEIPT_DELAY_MS);
      case 'throttled':
        return this.#throttleOnce(message);
      case 'timeout':
        return this.#neverAnswer();
      case 'error':
        return {
          kind: 'rejected',
          reason: 'provider_error',
          detail: 'the sandbox fails for this address',
          retryable: true,
        };
      default:
        return unreachable(behaviour);
    }
  }

  async #accept({ messageId }: OutgoingMessage, status: ReceiptStatus | null, delayMs: number): Promise<SendOutcome> {
    const { accountId, id, receipts } = this.#config;
    if (status && receipts === 'callback') {
      await this.#tools.schedule.schedule(accountId, id, messageId, status, delayMs);
    }
    return { kind: 'accepted', ref: `sandbox-${messageId}` };
  }

  #throttleOnce(message: OutgoingMessage): SendOutcome | Promise<SendOutcome> {
    const throttled = this.#throttled;
    if (throttled.delete(message.messageId)) return this.#accept(message, 'delivered', RECEIPT_DELAY_MS);
    if (throttled.size >= THROTTLED_MAX) throttled.delete(throttled.values().next().value!);
    throttled.add(message.messageId);
    return { kind: 'throttled', retryAfterMs: RETRY_AFTER_MS };
  }

  #neverAnswer(): Promise<SendOutcome> {
    const { clock } = this.#tools;
    return new Promise((resolve) => {
      clock.at(clock.now() + this.#settings.timeoutMs, () => resolve({ kind: 'unknown', reason: 'timeout' }));
    });
  }
}

function readSettings(settings: JsonObject): SandboxSettings {
  assertKeys(settings, ['behave', 'timeout'], '');
  const text = readText(settings, 'behave', '') ?? 'delivered';
  const behave = NAMES.find((name) => name === text);
  if (!behave) throw new SettingsFault('behave', `"${text}" is not known; use ${NAMES.join(', ')}`);
  return { behave, timeoutMs: readDurationMs(settings, 'timeout', '', TIMEOUT) };
}

/** The local part of an e-mail address or the whole of a token is a name of the table; a phone number ends in its digits. */
function behaviourFor({ channel, to }: OutgoingMessage, otherwise: Behaviour): Behaviour {
  const word = (channel === 'email' ? to.slice(0, to.lastIndexOf('@')) : to).toLowerCase();
  return NAMES.find((name) => (/^\+?\d+$/.test(to) ? to.slice(-4) === BEHAVIOURS[name] : word === name)) ?? otherwise;
}
