/**
 * An account with campaigns of several messages and stages on a running Carom. Its providers `sms`, `whatsapp` and `email`, and
 * whatever its hooks call, are one server on the loopback: the order of calls can be told.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Answer, Carom } from './carom.ts';
import { json, startVendor } from './http-vendor.ts';
import type { Answering, HttpVendor } from './http-vendor.ts';

const CHANNELS = ['sms', 'whatsapp', 'email'];

/** A call as the server got it. */
export interface Call {
  /** What follows the address: the channel for messages. */
  path: string;
  headers: Record<string, unknown>;
  // oxlint-disable-next-line typescript/no-explicit-any -- because each test asserts what it expects of what came
  body: any;
  at: number;
}

/** A transaction as the API shows it, as far as tests look at it. */
export interface JourneyView {
  id: string;
  state: string;
  endedAt: string | null;
  legs: LegView[];
  timeline: { at: string; what: string; leg: number | null; message: string | null; detail: string | null }[];
}

/** One of its legs. */
export interface LegView {
  state: string;
  reason: string | null;
  messages: { id: string; stage: number; channel: string; state: string; reason: string | null; attempts: number }[];
  stages?: {
    position: number;
    kind: string;
    state: string;
    reason: string | null;
    wait?: string;
    until: string | null;
    when: object | null;
    hook?: { id: string; state: string; reason: string | null; attempts: number };
  }[];
}

/** Takes the message or call. */
const accept = json(200, {});
/** Refuses it for good. */
export const refuse = json(400, {});
/** An error that may pass. */
export const fail = json(503, {});
/** Never answers. */
export const ignore: Answering = () => undefined;

/** The account, and what a test does with it. */
export class Journey {
  readonly account = `account-${randomUUID()}`;
  readonly carom: Carom;
  readonly vendor: HttpVendor;
  readonly calls: Call[] = [];
  /** What is answered at a path, one after the other; the last one is for all further calls. None: accepts. */
  readonly answers: Record<string, Answering[]> = {};
  readonly #waiting: (() => void)[] = [];

  constructor(carom: Carom, vendor: HttpVendor) {
    this.carom = carom;
    this.vendor = vendor;
    vendor.answering = (response, { url, headers, body, raw }) => {
      const path = url.slice(1);
      const earlier = this.calls.filter((call) => call.path === path).length;
      this.calls.push({ path, headers, body: body === '' ? null : JSON.parse(body), at: Date.now() });
      for (const resolve of this.#waiting.splice(0)) resolve();
      const answers = this.answers[path] ?? [accept];
      answers[Math.min(earlier, answers.length - 1)]!(response, { method: 'POST', url, headers, body, raw });
    };
  }

  /** The paths that were called, in order. */
  get called(): string {
    return this.calls.map(({ path }) => path).join(' ');
  }

  /** The nth call of a path (0 is the first), as soon as it is there. */
  async call(path: string, index = 0): Promise<Call> {
    for (;;) {
      const found = this.calls.filter((call) => call.path === path)[index];
      if (found) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The server's address for a hook. */
  hookUrl(path: string): string {
    return `${this.vendor.url}/${path}`;
  }

  /** Configures the account with these campaigns, all running. */
  async apply(campaigns: Record<string, object>): Promise<void> {
    const providers = CHANNELS.map((channel) => ({
      id: channel,
      channel,
      type: 'http',
      request: { url: this.hookUrl(channel), json: HANDOVER, timeout: '5s' },
      receipt: { status: 'body.status' },
    }));
    const running = Object.entries(campaigns).map(([id, content]) => ({ id, state: 'running', ...content }));
    // What the hooks call is on the loopback.
    const account = { account: this.account, defaultRegion: 'IN', privateNetwork: 'allow' };
    await this.carom.apply({ ...account, providers, campaigns: running });
  }

  /** Calls the API for the account. */
  api(method: string, path: string, body?: unknown): Promise<Answer> {
    const separator = path.includes('?') ? '&' : '?';
    return this.carom.call(method, `/v1/${path}${separator}account=${this.account}`, { body });
  }

  /** Triggers, and gives the id of what was accepted. */
  async trigger(mode: string, campaignIds: string[], changes: object = {}): Promise<string> {
    const address = { phone: '+919876543210', email: 'ana@example.com' };
    const answer = await this.api('POST', 'transactions', { campaignIds, mode, userId: 'ana', ...address, ...changes });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return (answer.body as JourneyView).id;
  }

  /** The transaction, as soon as it is so. */
  until(id: string, condition: (view: JourneyView) => boolean): Promise<JourneyView> {
    return this.carom.transaction(this.account, id, condition) as Promise<JourneyView>;
  }

  ended(id: string): Promise<JourneyView> {
    return this.until(id, ({ endedAt }) => endedAt !== null);
  }

  /** The transaction, as soon as a stage of its first leg is in the state. */
  untilStage(id: string, position: number, state: string): Promise<JourneyView> {
    return this.until(id, ({ legs }) => legs[0]!.stages![position]!.state === state);
  }

  /** Reports on a message, as its vendor would. */
  async report({ body }: Call, status: string): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(body.callback as string, { method: 'POST', headers, body: JSON.stringify({ status }) });
    assert.equal(answer.status, 200, await answer.text());
  }
}

const HANDOVER = { id: '{{ message_id }}', to: '{{ to }}', text: '{{ body }}', callback: '{{ receipt_url }}' };

/** A message on a channel, as a manifest has it. */
export function say(channel: string, body = `hello by ${channel}`): Record<string, string> {
  return { channel, provider: channel, body };
}

/** What of `node:test` closes things after a test. */
interface TestScope {
  after(done: () => Promise<void>): void;
}

/** Makes the account; its server is closed after the test. */
export async function openJourney(
  scope: TestScope,
  carom: Carom,
  campaigns: (journey: Journey) => Record<string, object>,
): Promise<Journey> {
  const vendor = await startVendor();
  scope.after(() => vendor.close());
  const journey = new Journey(carom, vendor);
  // One after the other: tests that begin at the same moment would only be in each other's way.
  applied = applied.then(() => journey.apply(campaigns(journey)));
  await applied;
  return journey;
}

let applied = Promise.resolve();

/** The states of a leg's stages, in their order; skipped ones with their reason. */
export function stageStates({ legs }: JourneyView, position = 0): string {
  return legs[position]!.stages!.map(({ state, reason }) => (reason === null ? state : `${state}:${reason}`)).join(' ');
}

/** The messages of a leg as `sms delivered`. */
export function messageStates({ legs }: JourneyView, position = 0): string[] {
  return legs[position]!.messages.map(({ channel, state, reason }) => {
    return state === 'skipped' ? `${channel ?? 'none'} skipped:${reason}` : `${channel} ${state}`;
  });
}
