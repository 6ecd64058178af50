/**
 * A chain on a running Carom: an account of its own with one campaign for each leg, each sent through an HTTP vendor of the
 * leg's name. All vendors are one server on the loopback, so that the order of calls among them can be told.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Answer, Carom } from './carom.ts';
import { json, startVendor } from './http-vendor.ts';
import type { Answering, HttpVendor, VendorCall } from './http-vendor.ts';

/** What a test says about a leg; the rest is the same for all. */
export interface LegSetup {
  /** The vendor's answers, one after the other; the last one is for all further calls. None: accepts, with a reference. */
  answers?: Answering[];
  /** Keys of the campaign. */
  campaign?: object;
  /** Keys of the provider. */
  provider?: object;
  /** Keys of the provider's request. */
  request?: object;
}

/** A message as the vendor got it. */
export interface Handover {
  /** The leg's name. */
  leg: string;
  messageId: string;
  idempotencyKey: string;
  txnId: string;
  to: string;
  text: string;
  receiptUrl: string;
  at: number;
}

/** A message as the API shows it, as far as tests look at it. */
export interface MessageView {
  id: string;
  provider: string | null;
  to: string | null;
  state: string;
  reason: string | null;
  ref: string | null;
  attempts: number;
  late: boolean;
  sentAt: string | null;
  acceptedAt: string | null;
  deliveredAt: string | null;
  readAt: string | null;
  openedAt: string | null;
  clickedAt: string | null;
  failedAt: string | null;
}

/** A transaction as the API shows it, as far as tests look at it. */
export interface TransactionView {
  id: string;
  txnId: string;
  state: string;
  late: boolean;
  expiresAt: string | null;
  createdAt: string;
  endedAt: string | null;
  legs: { campaignId: string; state: string; reason: string | null; messages: MessageView[] }[];
  timeline: { at: string; what: string; leg: number | null; detail: string | null }[];
}

/** An answer that waits until the test gives it. */
export interface HeldAnswer {
  answering: Answering;
  /** Answers the call that waits, as soon as there is one. */
  give(answering: Answering): Promise<void>;
}

/** A call that is left unanswered until the test says how. */
export function held(): HeldAnswer {
  const { promise, resolve } = Promise.withResolvers<[ServerResponse, VendorCall]>();
  return {
    answering: (response, call) => resolve([response, call]),
    give: async (answering) => answering(...(await promise)),
  };
}

/** Takes the message, under a reference of its own. */
export const accept: Answering = (response, call) => json(200, { id: refOf(call) })(response, call);
/** Refuses for good. */
export const refuse = json(400, { message: 'bad number' });
/** An error that may pass. */
export const fail = json(503, { message: 'out of order' });
/** Never answers. */
export const ignore: Answering = () => undefined;
/** Reads the call, then breaks the connection. */
export const hangUp: Answering = (response) => void response.socket!.destroy();
/** Asks to come again later. */
export const throttle = (seconds: number): Answering => json(429, {}, { 'retry-after': String(seconds) });

/** Takes the message under this reference. */
export const acceptAs = (ref: string | number): Answering => json(200, { id: ref });
/** The provider of a vendor that names messages by its own reference alone. */
export const BY_REF = { receipt: { ref: 'body.id', status: 'body.status' } };

/** The provider's receipt address, without the message that it is about. */
export function bare({ receiptUrl }: Handover): string {
  return receiptUrl.split('?')[0]!;
}

/** The reference under which {@link accept} took a call. */
function refOf({ body }: VendorCall): string {
  return `ref-${(JSON.parse(body) as { id: string }).id}`;
}

/** Retries that a test does not have to wait for. */
export const QUICK_RETRY = { attempts: 3, backoff: '20ms' };

/** The legs' campaigns and vendors, and what a test does with them. */
export class Chain {
  readonly account = `account-${randomUUID()}`;
  readonly carom: Carom;
  readonly vendor: HttpVendor;
  /** What the vendors got, in the order it came. */
  readonly handovers: Handover[] = [];
  readonly #legs: Record<string, LegSetup>;
  readonly #waiting: (() => void)[] = [];

  constructor(carom: Carom, vendor: HttpVendor, legs: Record<string, LegSetup>) {
    this.carom = carom;
    this.vendor = vendor;
    this.#legs = legs;
    vendor.answering = (response, call) => this.#take(response, call);
  }

  #take(response: ServerResponse, call: VendorCall): void {
    const { id, txn, to, text, callback } = JSON.parse(call.body) as Record<string, string>;
    const leg = call.url.slice(1);
    const answers = this.#legs[leg]!.answers ?? [accept];
    const earlier = this.handovers.filter((one) => one.leg === leg).length;
    this.handovers.push({
      leg,
      messageId: id!,
      idempotencyKey: String(call.headers['idempotency-key']),
      txnId: txn!,
      to: to!,
      text: text!,
      receiptUrl: callback!,
      at: Date.now(),
    });
    for (const resolve of this.#waiting.splice(0)) resolve();
    answers[Math.min(earlier, answers.length - 1)]!(response, call);
  }

  /** The names of the vendors, in the order they were called. */
  get called(): string {
    return this.handovers.map(({ leg }) => leg).join(' ');
  }

  /** The nth handover to a leg's vendor (0 is the first), as soon as it is there. */
  async handover(leg: string, index = 0): Promise<Handover> {
    for (;;) {
      const found = this.handovers.filter((one) => one.leg === leg)[index];
      if (found) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Triggers the legs in their order, or as the changes say; the answer is not looked at. */
  post(changes: object = {}): Promise<Answer> {
    const campaignIds = Object.keys(this.#legs).map((leg) => `~${leg}`);
    const body = { campaignIds, userId: 'ana', phone: '+919876543210', ...changes };
    return this.carom.call('POST', `/v1/transactions?account=${this.account}`, { body });
  }

  /** Triggers, and gives the id of what was accepted. */
  async trigger(mode: string, changes: object = {}): Promise<string> {
    const answer = await this.post({ mode, ...changes });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return (answer.body as TransactionView).id;
  }

  /** The transaction, as soon as it is so. */
  until(id: string, condition: (view: TransactionView) => boolean): Promise<TransactionView> {
    return this.carom.transaction(this.account, id, condition) as Promise<TransactionView>;
  }

  /** The transaction, as soon as the leg's message is in the state. */
  untilLeg(id: string, position: number, state: string): Promise<TransactionView> {
    return this.until(id, ({ legs }) => legs[position]!.state === state);
  }

  ended(id: string): Promise<TransactionView> {
    return this.until(id, ({ endedAt }) => endedAt !== null);
  }

  /** Calls back as the vendor; the answer is not looked at. */
  callBack(receiptUrl: string, body: unknown, contentType = 'application/json'): Promise<Response> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return fetch(receiptUrl, { method: 'POST', headers: { 'content-type': contentType }, body: text });
  }

  /** Calls back as the vendor, and expects that it is taken. */
  async reportTo(receiptUrl: string, body: unknown, contentType?: string): Promise<void> {
    const answer = await this.callBack(receiptUrl, body, contentType);
    assert.equal(answer.status, 200, await answer.text());
  }

  /** Reports on a message, as its vendor would. */
  report({ receiptUrl }: Handover, status: string, more: object = {}): Promise<void> {
    return this.reportTo(receiptUrl, { status, ...more });
  }

  /** Starts, pauses or ends a leg's campaign. */
  async tell(leg: string, verb: 'start' | 'pause' | 'end'): Promise<void> {
    const answer = await this.carom.call('POST', `/v1/campaigns/~${leg}/${verb}?account=${this.account}`);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
  }

  /** The whole configuration, for `carom.apply`. */
  manifest(): object {
    const providers = Object.entries(this.#legs).map(([leg, { provider, request }]) => ({
      id: leg,
      channel: 'sms',
      type: 'http',
      request: { url: `${this.vendor.url}/${leg}`, json: HANDOVER, ...request },
      response: { ref: 'body.id', reason: 'body.message' },
      receipt: { status: 'body.status', reason: 'body.reason' },
      ...provider,
    }));
    const campaigns = Object.entries(this.#legs).map(([leg, { campaign }]) => ({
      id: `~${leg}`,
      state: 'running',
      channel: 'sms',
      provider: leg,
      body: `hello from ${leg}`,
      ...campaign,
    }));
    return { account: this.account, defaultRegion: 'IN', providers, campaigns };
  }
}

const HANDOVER = {
  id: '{{ message_id }}',
  txn: '{{ txn_id }}',
  to: '{{ to }}',
  text: '{{ body }}',
  callback: '{{ receipt_url }}',
};

/** What of `node:test` closes things after a test. */
interface TestScope {
  after(done: () => Promise<void>): void;
}

/** Makes the chain; its vendor is closed after the test. */
export async function openChain(scope: TestScope, carom: Carom, legs: Record<string, LegSetup>): Promise<Chain> {
  const vendor = await startVendor();
  scope.after(() => vendor.close());
  const chain = new Chain(carom, vendor, legs);
  // One after the other: tests that begin at the same moment would only be in each other's way.
  applied = applied.then(() => carom.apply(chain.manifest()));
  await applied;
  return chain;
}

let applied = Promise.resolve();

/** The states of the legs, in their order; skipped ones with their reason. */
export function states({ legs }: TransactionView): string {
  return legs.map(({ state, reason }) => (state === 'skipped' ? `skipped:${reason}` : state)).join(' ');
}

/** The parts of the timeline that say so, as `what leg`. */
export function told({ timeline }: TransactionView, what: RegExp): string[] {
  return timeline.filter((entry) => what.test(entry.what)).map((entry) => `${entry.what} ${entry.leg}`);
}
