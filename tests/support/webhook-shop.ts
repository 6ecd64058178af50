/** An account with webhooks on a running Carom, whose events a receiver on the loopback gets. */
/* oxlint-disable typescript/no-explicit-any -- because an answer is whatever JSON came: each test asserts what it expects of it */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventually } from './carom.ts';
import type { Answer, Carom } from './carom.ts';
import type { Answering } from './http-vendor.ts';
import type { ReceivedCall, Receiver } from './webhook-receiver.ts';

/** Most of what a webhook can be told of. */
export const ALL = ['message.sent', 'message.delivered', 'message.failed', 'transaction.ended'];
/** Numbers by what the sandbox does with them. */
export const PHONE = { delivered: '+919876543210', undelivered: '+919876540003', late: '+919876540005' };

/** An account of its own. */
export class WebhookShop {
  readonly carom: Carom;
  readonly receiver: Receiver;
  readonly account = `shop-${randomUUID().slice(0, 8)}`;
  readonly key = `key-${randomUUID()}`;

  constructor(carom: Carom, receiver: Receiver) {
    this.carom = carom;
    this.receiver = receiver;
  }

  async open(more: object = {}): Promise<this> {
    const message = (id: string, channel: string) => ({
      id,
      state: 'running',
      channel,
      provider: `${channel}-demo`,
      body: 'Hi',
      ...(channel === 'email' && { subject: 'Hi', from: 'a@shop.example' }),
    });
    await this.carom.apply({
      account: this.account,
      privateNetwork: 'allow',
      defaultRegion: 'IN',
      keys: [{ key: this.key, scopes: ['trigger', 'read', 'admin'] }],
      providers: ['sms', 'email'].map((channel) => ({ id: `${channel}-demo`, channel, type: 'sandbox' })),
      campaigns: [message('~sms', 'sms'), message('~other', 'sms'), message('~mail', 'email')],
      ...more,
    });
    return this;
  }

  api(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.carom.call(method, `/v1/${path}`, { key: this.key, body });
  }

  /** A webhook to the receiver; the answer's body. */
  async webhook(name: string, more: object = {}): Promise<any> {
    const body = { url: this.receiver.urlOf(`${this.account}-${name}`), events: ALL, ...more };
    const answer = await this.api('PUT', `webhooks/${name}`, body);
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer.body;
  }

  calls(name: string): ReceivedCall[] {
    return this.receiver.callsOf(`${this.account}-${name}`);
  }

  untilCalls(name: string, count: number, timeoutMs?: number): Promise<ReceivedCall[]> {
    return this.receiver.untilCalls(`${this.account}-${name}`, count, timeoutMs);
  }

  /** The log of a webhook, once it satisfies the condition. */
  log(name: string, until: (calls: any[]) => boolean, query = ''): Promise<any[]> {
    return eventually(async () => (await this.api('GET', `webhooks/${name}/calls${query}`)).body.data, until);
  }

  /** Triggers a chain; the transaction's id. */
  async trigger(campaignIds: string[], phone: string, more: object = {}): Promise<string> {
    const body = { campaignIds, mode: 'fallback_on_delivery_failure', userId: 'ana', phone, ...more };
    const answer = await this.api('POST', 'transactions', body);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return answer.body.id;
  }

  /** How the receiver answers calls to one webhook; the others are answered as before. */
  answerOf(name: string, answering: Answering): void {
    const { vendor } = this.receiver;
    const others = vendor.answering;
    const url = `/${this.account}-${name}`;
    vendor.answering = (response, call) => (call.url === url ? answering : others)(response, call);
  }
}

/** The types of CloudEvents, in our words. */
export const typesOf = (calls: ReceivedCall[]): string[] => calls.map(({ event }) => event.type.replace('carom.', ''));
