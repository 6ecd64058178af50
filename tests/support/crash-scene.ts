/**
 * What the crash tests share: an account with two legs, a vendor that counts what it gets and reports on it until somebody
 * listens, and the proof that nothing was lost and nothing was done twice.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { hash16 } from '#domain/ids.ts';
import type { Carom } from './carom.ts';
import type { MessageView, TransactionView } from './chain.ts';
import { json, startVendor } from './http-vendor.ts';
import type { HttpVendor, VendorCall } from './http-vendor.ts';
import type { Load } from './load.ts';

export const ACCOUNT = 'shop';
/** Where transactions are triggered. */
export const PATH = `/v1/transactions?account=${ACCOUNT}`;
const EVENT = 'ordered';
/** The users that share the load: several transactions write each one's profile at the same time. */
const USERS = 20;
/**
 * How long the vendor thinks, and how long a receipt takes; each message has its own time, at most this. Long enough for
 * some calls to be under way whenever a node dies.
 */
const ANSWER_MAX_MS = 300;
const RECEIPT_MAX_MS = 150;
/** How long the vendor waits before it repeats a receipt that was not taken. */
const REPEAT_MS = 250;
const AT_ONCE = 20;

/** One call that the vendor got. */
interface Seen {
  leg: string;
  messageId: string;
  txnId: string;
}

/** The vendor of both legs. */
export class CrashVendor {
  readonly seen: Seen[] = [];
  /** How often each status was the answer to a receipt; 0: no connection, or none in time. */
  readonly receiptAnswers = new Map<number, number>();
  /** The longest wait for an answer to a receipt. */
  slowestReceiptMs = 0;
  readonly #vendor: HttpVendor;
  /** Where receipts go: any living node. */
  readonly #node: () => string;
  #isClosed = false;

  constructor(vendor: HttpVendor, node: () => string) {
    this.#vendor = vendor;
    this.#node = node;
    vendor.answering = (response, call) => {
      const message = read(call);
      this.seen.push({ leg: message.leg, messageId: message.id, txnId: message.txn });
      const { answerMs, accepts } = fateOf(message);
      setTimeout(() => {
        // Whoever called is dead; a vendor that loses a call on the way never reports on it.
        if (response.destroyed) return;
        if (!accepts) return json(400, { message: 'bad number' })(response, call);
        json(200, { id: message.id })(response, call);
        void this.#report(message);
      }, answerMs);
    };
  }

  /** Reports until it is taken; where the address names a node that is gone, another one is asked. */
  async #report(message: Message): Promise<void> {
    const { receiptMs, status } = fateOf(message);
    await sleep(receiptMs);
    const { pathname, search } = new URL(message.callback);
    for (let tries = 0; !this.#isClosed; tries++) {
      if (tries > 0) await sleep(REPEAT_MS);
      const answer = await this.#post(this.#node() + pathname + search, status);
      this.receiptAnswers.set(answer, (this.receiptAnswers.get(answer) ?? 0) + 1);
      if (answer === 200) return;
    }
  }

  async #post(url: string, status: string): Promise<number> {
    const startedAt = Date.now();
    try {
      const body = JSON.stringify({ status });
      const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      await answer.arrayBuffer();
      this.slowestReceiptMs = Math.max(this.slowestReceiptMs, Date.now() - startedAt);
      return answer.status;
    } catch (error) {
      // The node was killed; a vendor repeats.
      if (!(error instanceof Error)) throw error;
      return 0;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#vendor.close();
  }

  /** Campaigns and providers of both legs. */
  manifest(): object {
    const names = ['first', 'second'];
    return {
      account: ACCOUNT,
      defaultRegion: 'IN',
      providers: names.map((id) => ({
        id,
        channel: 'sms',
        type: 'http',
        request: {
          url: `${this.#vendor.url}/${id}`,
          json: { id: '{{ message_id }}', txn: '{{ txn_id }}', callback: '{{ receipt_url }}' },
        },
        response: { ref: 'body.id', reason: 'body.message' },
        receipt: { status: 'body.status' },
      })),
      campaigns: names.map((id) => ({
        id: `~${id}`,
        state: 'running',
        channel: 'sms',
        provider: id,
        body: 'hello',
        retry: { attempts: 4, backoff: '100ms' },
      })),
    };
  }
}

interface Message {
  leg: string;
  id: string;
  txn: string;
  callback: string;
}

function read({ url, headers, body }: VendorCall): Message {
  const { id, txn, callback } = JSON.parse(body) as Omit<Message, 'leg'>;
  assert.equal(headers['idempotency-key'], id);
  return { leg: url.slice(1), id, txn, callback };
}

/** What becomes of a message: of the first leg's some are refused, some come back undelivered; the second leg's all arrive. */
function fateOf({ leg, txn }: Pick<Message, 'leg' | 'txn'>) {
  const dice = hash16(txn, leg);
  const isFirst = leg === 'first';
  return {
    accepts: !isFirst || dice % 10 > 0,
    status: isFirst && dice % 10 < 4 ? 'undelivered' : 'delivered',
    answerMs: (dice >> 4) % ANSWER_MAX_MS,
    receiptMs: (dice >> 8) % RECEIPT_MAX_MS,
  };
}

/** @param node where receipts go at the moment. */
export async function startCrashVendor(node: () => string): Promise<CrashVendor> {
  return new CrashVendor(await startVendor(), node);
}

/** The nth transaction of a load: with an event, and a profile update that others of the same user must not undo. */
export function orderOf(index: number, txnId: string): object {
  return {
    campaignIds: ['~first', '~second'],
    mode: 'fallback_on_delivery_failure',
    userId: `user-${index % USERS}`,
    phone: '+919876543210',
    txnId,
    track: { eventName: EVENT },
    profile: { attributes: { [txnId]: index } },
  };
}

/** What the proof counted. */
export interface Proof {
  transactions: number;
  calls: number;
  /** Calls beyond the first for a message. */
  duplicates: number;
  views: Map<string, TransactionView>;
}

/** Waits until nothing of the account is running any more. */
export async function allEnded(carom: Carom, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const { status, body } = await carom.call('GET', `${PATH}&state=running&limit=5`);
    if (status === 200 && body.data.length === 0) return;
    assert.ok(Date.now() < deadline, `${timeoutMs} ms later these still run: ${JSON.stringify(body)}`);
    await sleep(100);
  }
}

/** The transactions by txnId; null for a 404. */
export async function viewsOf(carom: Carom, txnIds: string[]): Promise<Map<string, TransactionView | null>> {
  const views = new Map<string, TransactionView | null>();
  const left = [...txnIds];
  const reader = async () => {
    for (let txnId = left.pop(); txnId !== undefined; txnId = left.pop()) {
      const answer = await carom.call('GET', `/v1/transactions/${txnId}?account=${ACCOUNT}`);
      assert.ok(answer.status === 200 || answer.status === 404, `${txnId}: ${answer.status}`);
      views.set(txnId, answer.status === 200 ? (answer.body as TransactionView) : null);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, reader));
  return views;
}

/**
 * Proves on what the API shows and what the vendor got: every transaction of the load ended well; each message has one id
 * and reached the vendor; what was handed over twice had no recorded answer; events and profile updates happened once each.
 */
export async function proveNothingLost(carom: Carom, vendor: CrashVendor, load: Load): Promise<Proof> {
  const accepted = load.withStatus(200, 202).map(({ txnId }) => txnId);
  const views = await viewsOf(carom, accepted);
  const present = new Map<string, TransactionView>();
  for (const [txnId, view] of views) {
    assert.ok(view, `${txnId} was accepted, and is gone`);
    assert.equal(view.state, 'succeeded', `${txnId}: ${JSON.stringify(view, null, 1)}`);
    proveOnce(view);
    present.set(txnId, view);
  }
  const duplicates = proveCalls(vendor, present);
  await proveEvents(carom, accepted);
  await proveProfiles(carom, load, accepted);
  return { transactions: accepted.length, calls: vendor.seen.length, duplicates, views: present };
}

/** When the last message that a crash had interrupted was sent again; null: none was. */
export function lastRescueAt({ views }: Proof): number | null {
  const times = [...views.values()].flatMap(({ timeline }) =>
    timeline.filter(({ what, detail }) => what === 'message.sent_again' && /died/.test(detail ?? '')),
  );
  return times.length === 0 ? null : Math.max(...times.map(({ at }) => Date.parse(at)));
}

/** Legs in their order, each only after the one before; one event, one profile update. */
function proveOnce({ txnId, legs, timeline }: TransactionView): void {
  const times = (what: string) => timeline.filter((entry) => entry.what === what).length;
  assert.equal(times('event.tracked'), 1, `${txnId}: ${JSON.stringify(timeline, null, 1)}`);
  assert.equal(times('profile.updated'), 1, `${txnId}: ${JSON.stringify(timeline, null, 1)}`);
  assert.equal(times('transaction.succeeded'), 1, txnId);
  const [first, second] = legs;
  const { accepts, status } = fateOf({ leg: 'first', txn: txnId });
  const needsSecond = !accepts || status === 'undelivered';
  assert.equal(first!.state, accepts ? status : 'rejected', `${txnId}: ${JSON.stringify(timeline, null, 1)}`);
  assert.equal(second!.state, needsSecond ? 'delivered' : 'skipped', txnId);
}

/** @returns the number of calls beyond the first for a message. */
function proveCalls(vendor: CrashVendor, views: Map<string, TransactionView>): number {
  let duplicates = 0;
  const byMessage = Map.groupBy(
    vendor.seen.filter(({ txnId }) => views.has(txnId)),
    ({ txnId, leg }) => `${txnId} ${leg}`,
  );
  for (const [txnId, view] of views) {
    view.legs.forEach(({ state, messages }, position) => {
      const leg = ['first', 'second'][position]!;
      const calls = byMessage.get(`${txnId} ${leg}`) ?? [];
      if (state === 'skipped') return assert.equal(calls.length, 0, `${txnId} ${leg} was skipped, and sent`);
      assert.ok(calls.length > 0, `${txnId} ${leg} is ${state}, and never reached the vendor`);
      const [message] = messages as [MessageView];
      for (const call of calls) assert.equal(call.messageId, message.id, `${txnId} ${leg} has another message id`);
      duplicates += calls.length - 1;
      proveDuplicates(view, position, calls.length - 1);
    });
  }
  return duplicates;
}

/** Each call beyond the first has its line in the timeline, and no line comes after a recorded answer. */
function proveDuplicates({ txnId, timeline }: TransactionView, position: number, duplicates: number): void {
  const own = timeline.filter(({ leg }) => leg === position).map(({ what }) => what);
  const again = own.filter((what) => what === 'message.sent_again').length;
  assert.ok(duplicates <= again, `${txnId} leg ${position}: ${duplicates} duplicates, but ${JSON.stringify(own)}`);
  const answered = own.indexOf('message.accepted');
  if (answered >= 0) assert.ok(own.lastIndexOf('message.sent_again') < answered, `${txnId}: ${JSON.stringify(own)}`);
}

async function proveEvents(carom: Carom, accepted: string[]): Promise<void> {
  const counted = new Map<string, number>();
  let cursor: string | null = null;
  do {
    const page: string = cursor === null ? '' : `&cursor=${cursor}`;
    const { body } = await carom.call('GET', `/v1/events?account=${ACCOUNT}&eventName=${EVENT}&limit=200${page}`);
    for (const { eventData } of body.data as { eventData: { txnId: string } }[]) {
      counted.set(eventData.txnId, (counted.get(eventData.txnId) ?? 0) + 1);
    }
    cursor = body.next as string | null;
  } while (cursor !== null);
  for (const txnId of accepted) assert.equal(counted.get(txnId), 1, `events of ${txnId}`);
}

async function proveProfiles(carom: Carom, load: Load, accepted: string[]): Promise<void> {
  const attributes = new Map<string, Record<string, unknown>>();
  for (let user = 0; user < USERS; user++) {
    const { body } = await carom.call('GET', `/v1/profiles/user-${user}?account=${ACCOUNT}`);
    attributes.set(`user-${user}`, body.attributes ?? {});
  }
  for (const txnId of accepted) {
    const { userId } = load.bodies.get(txnId) as { userId: string };
    assert.ok(txnId in attributes.get(userId)!, `the profile update of ${txnId} is lost`);
  }
}
