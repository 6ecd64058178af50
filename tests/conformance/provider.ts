/** What every provider promises (src/ports/provider.ts), whatever its protocol. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { OutgoingMessage, Provider, Callback, Receipt } from '#ports/provider.ts';
import { CallbackError } from '#ports/provider.ts';

/** What the vendor does with a message. `throttled`: once, then it is accepted. */
export type Fate = 'accepted' | 'refused' | 'failing' | 'throttled' | 'unanswered';

/** A provider in front of a vendor that can be told what to do. */
export interface ProviderUnderTest {
  provider: Provider;
  /** A fresh message that meets this fate. */
  message(fate: Fate): OutgoingMessage;
  /** Resolves when the vendor holds the message. */
  arrived(message: OutgoingMessage): Promise<void>;
  /** The names under which the vendor got its messages; null where nothing leaves the process. */
  names(): string[] | null;
  /** Lets the provider's whole timeout pass. */
  passTimeout(): void;
  /** A callback by which the vendor reports on the message, in its own words. */
  callback(message: OutgoingMessage, report: 'delivered' | 'unreadable'): Callback;
  /** A callback with a status that is not ours to know; null where the vendor has no words but ours. */
  foreignCallback(message: OutgoingMessage): Callback | null;
  /** For a vendor that reports over its own connection: what the provider takes from such a report, in the vendor's words. */
  report?(message: OutgoingMessage, report: 'delivered' | 'foreign'): Promise<Receipt[]>;
  close(): Promise<void>;
}

const AT_ONCE = 50;

/** Runs the suite; `make` starts a vendor and opens a provider for it. */
export function describeProvider(name: string, make: () => Promise<ProviderUnderTest>): void {
  const promise = (what: string, check: (under: ProviderUnderTest) => Promise<void>) =>
    test(what, async () => {
      const under = await make();
      try {
        await check(under);
      } finally {
        await under.close();
      }
    });

  describe(`${name} keeps the promises of a provider`, () => {
    void promise(
      'an accepted message is accepted, with the reference if there is one',
      async ({ provider, message }) => {
        const outcome = await provider.send(message('accepted'));
        assert.equal(outcome.kind, 'accepted');
        assert(outcome.kind === 'accepted' && (outcome.ref === null || outcome.ref.length > 0));
      },
    );

    void promise('a refusal is for good, and has a reason', async ({ provider, message }) => {
      const outcome = await provider.send(message('refused'));
      assert(outcome.kind === 'rejected' && !outcome.retryable && outcome.reason.length > 0);
    });

    void promise('an error of the vendor may pass', async ({ provider, message }) => {
      const outcome = await provider.send(message('failing'));
      assert(outcome.kind === 'rejected' && outcome.retryable && outcome.reason.length > 0);
    });

    void promise('a throttled message says how long to wait, and is accepted later', async ({ provider, message }) => {
      const throttled = message('throttled');
      const outcome = await provider.send(throttled);
      assert(outcome.kind === 'throttled' && outcome.retryAfterMs > 0);
      assert.equal((await provider.send(throttled)).kind, 'accepted');
    });

    void promise(
      'silence is unknown, once the timeout has passed',
      async ({ provider, message, arrived, passTimeout }) => {
        const unanswered = message('unanswered');
        const sending = provider.send(unanswered);
        await arrived(unanswered);
        passTimeout();
        assert.deepEqual(await sending, { kind: 'unknown', reason: 'timeout' });
      },
    );

    void promise('every attempt names the message the same', async ({ provider, message, names }) => {
      const failing = message('failing');
      await provider.send(failing);
      await provider.send(failing);
      const given = names();
      if (given) assert.deepEqual(given, [failing.messageId, failing.messageId]);
    });

    void promise('many at once are all answered', async ({ provider, message }) => {
      const outcomes = await Promise.all(Array.from({ length: AT_ONCE }, () => provider.send(message('accepted'))));
      assert(outcomes.every(({ kind }) => kind === 'accepted'));
    });

    void promise('a report names its message', async ({ provider, message, callback, report }) => {
      const reported = message('accepted');
      const outcome = await provider.send(reported);
      const [receipt, ...others] = report
        ? await report(reported, 'delivered')
        : await provider.parseReceipts(callback(reported, 'delivered'));
      assert.equal(receipt?.status, 'delivered');
      assert.equal(others.length, 0);
      if (provider.receiptsByRef) assert.equal(receipt.ref, outcome.kind === 'accepted' ? outcome.ref : undefined);
      else assert.equal(receipt.messageId, reported.messageId);
    });

    void promise('a word nobody knows reports nothing', async ({ provider, message, foreignCallback, report }) => {
      if (report) return assert.deepEqual(await report(message('accepted'), 'foreign'), []);
      const callback = foreignCallback(message('accepted'));
      if (callback) assert.deepEqual(await provider.parseReceipts(callback), []);
    });

    void promise('a callback that cannot be read is refused', async ({ provider, message, callback }) => {
      await assert.rejects(provider.parseReceipts(callback(message('accepted'), 'unreadable')), CallbackError);
    });

    void promise('closing waits for what is under way', async ({ provider, message, arrived, passTimeout }) => {
      const unanswered = message('unanswered');
      const order: string[] = [];
      const sending = provider.send(unanswered).then(() => order.push('answered'));
      await arrived(unanswered);
      const closing = provider.close().then(() => order.push('closed'));
      passTimeout();
      await Promise.all([sending, closing]);
      assert.deepEqual(order, ['answered', 'closed']);
    });
  });
}
