/** What every store of configuration promises (src/ports/config-store.ts). */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { RECEIPT_WINDOW_DEFAULT_MS } from '#domain/account.ts';
import type { Account, ApiKey } from '#domain/account.ts';
import type { Campaign } from '#domain/campaign.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Webhook } from '#domain/webhook.ts';
import type { ConfigChanges, ConfigNews, ConfigStore } from '#ports/config-store.ts';
import { times } from '../support/acceptance.ts';
import { AWKWARD } from './transaction-store.ts';
import type { TwoNodes } from './transaction-store.ts';

function account(id: string, name = 'Demo'): Account {
  const limits = { transaction: { perSecond: 100, burst: 200 } } as unknown as Account['limits'];
  return { id, name, defaultRegion: null, limits, receiptWindowMs: RECEIPT_WINDOW_DEFAULT_MS };
}

function key(id: string): ApiKey {
  return { id, accountId: 'demo', sha256: id.padEnd(64, '0'), hint: 'ck_a', scopes: ['trigger', 'read'] };
}

function provider(id: string, settings: ProviderConfig['settings'] = { behave: null }): ProviderConfig {
  const words = { channel: 'sms', type: 'sandbox', receipts: 'callback', receiptSecret: 's3cret' } as const;
  return { accountId: 'demo', id, ...words, settings };
}

function webhook(id: string): Webhook {
  const what = { url: 'https://shop.example/', events: ['message.sent' as const], channels: ['sms' as const] };
  const auth = { type: 'bearer' as const, token: AWKWARD };
  return { accountId: 'demo', id, ...what, format: 'cloudevents', auth, enabled: false, disabledReason: AWKWARD };
}

function campaign(id: string, version = 1, body = 'Hi'): Campaign {
  const content = { channel: 'sms', providers: ['sms'], body, data: { b: '1', a: '2' } } as const;
  return { accountId: 'demo', id, name: id, state: 'draft', version, content: { ...content, providers: ['sms'] } };
}

/** Runs the suite. */
export function describeConfigStore(name: string, make: TwoNodes<ConfigStore>): void {
  let one: ConfigStore;
  let other: ConfigStore;
  /** The revision before the test. */
  let base: number;
  const write = async (changes: ConfigChanges, basedOn = base): Promise<number> => {
    const revision = await one.write(changes, basedOn);
    assert(revision !== null && revision > basedOn);
    base = revision;
    return revision;
  };
  const nothing = (revision: number): ConfigNews => ({
    revision,
    accounts: [],
    keys: [],
    providers: [],
    campaigns: [],
    webhooks: [],
    removed: [],
  });

  describe(`${name} keeps the promises of a config store`, () => {
    beforeEach(async () => {
      [one, other] = await make();
      base = (await one.since(0)).revision;
    });

    test('all changes of one write are read together, as they were', async () => {
      const before = base;
      const changes = {
        accounts: [account('demo')],
        keys: [key('k1'), key('k2')],
        providers: [provider('sms', { headers: { [AWKWARD]: AWKWARD }, list: [1, null, { a: [] }] })],
        campaigns: [{ campaign: campaign('~a', 1, AWKWARD), contentChanged: true }],
        webhooks: [webhook('crm')],
      };
      const revision = await write(changes);
      const { accounts, keys, providers, webhooks } = changes;
      const wanted: ConfigNews = {
        ...nothing(revision),
        accounts,
        keys,
        providers,
        campaigns: [changes.campaigns[0]!.campaign],
        webhooks,
      };
      assert.deepEqual(await other.since(before), wanted);
      assert.deepEqual(await other.since(0), wanted);
      assert.deepEqual(await other.since(revision), nothing(revision));
    });

    test('the event that starts a campaign is kept beside its versions, and taken away again', async () => {
      const started = { ...campaign('~a'), on: { event: AWKWARD } };
      await write({ campaigns: [{ campaign: started, contentChanged: true }] });
      assert.deepEqual((await other.since(0)).campaigns, [started]);
      await write({ campaigns: [{ campaign: campaign('~a'), contentChanged: false }] });
      assert.deepEqual((await other.since(0)).campaigns, [campaign('~a')]);
    });

    test('only what changed since is read', async () => {
      await write({ accounts: [account('demo')], providers: [provider('sms')] });
      const before = base;
      const revision = await write({ providers: [provider('mail')] });
      assert.deepEqual(await other.since(before), { ...nothing(revision), providers: [provider('mail')] });
    });

    test('of concurrent writers on the same revision one wins, and what the others tried is not there', async () => {
      const before = base;
      const tries = times(20, (index) => (index % 2 ? one : other).write({ accounts: [account(`a${index}`)] }, before));
      const outcomes = await Promise.all(tries);
      assert.equal(outcomes.filter((revision) => revision !== null).length, 1);
      const winner = outcomes.findIndex((revision) => revision !== null);
      assert.deepEqual((await one.since(before)).accounts, [account(`a${winner}`)]);
      assert.equal(await one.write({ accounts: [account('late')] }, before), null);
    });

    test('writers that decide again lose nothing, and a reader that follows misses nothing', async () => {
      const before = base;
      const ids = times(40, (index) => `a${index}`);
      let isWriting = true;
      const writer = async (store: ConfigStore, id: string) => {
        let revision: number | null = null;
        while (revision === null)
          revision = await store.write({ accounts: [account(id)] }, (await store.since(before)).revision);
      };
      const follow = async () => {
        const seen = new Set<string>();
        let revision = before;
        for (let isLast = false; !isLast;) {
          isLast = !isWriting;
          const news = await other.since(revision);
          assert(news.revision >= revision);
          revision = news.revision;
          for (const { id } of news.accounts) seen.add(id);
        }
        return seen;
      };
      const following = follow();
      // As many at once as configuration sees; each failure makes another round.
      for (let from = 0; from < ids.length; from += 8) {
        await Promise.all(ids.slice(from, from + 8).map((id, index) => writer(index % 2 ? one : other, id)));
      }
      isWriting = false;
      assert.deepEqual([...(await following)].toSorted(), ids.toSorted());
    });

    test('a write that fails writes nothing and gives no revision', async () => {
      const broken = { ...campaign('~a'), name: null as unknown as string };
      const changes = { accounts: [account('half')], campaigns: [{ campaign: broken, contentChanged: true }] };
      await assert.rejects(one.write(changes, base));
      assert.deepEqual(await other.since(base), nothing(base));
    });

    test('removed things are told, and may come back; a removed campaign tells its last version', async () => {
      const campaigns = [{ campaign: campaign('~a', 3), contentChanged: true }];
      await write({ keys: [key('k1')], providers: [provider('sms')], campaigns, webhooks: [webhook('crm')] });
      const before = base;
      const named = { accountId: 'demo' };
      const removed = await write({
        removedKeys: [{ ...named, id: 'k1' }],
        removedProviders: [{ ...named, id: 'sms' }],
        removedCampaigns: [{ ...named, id: '~a' }],
        removedWebhooks: [{ ...named, id: 'crm' }],
      });
      assert.deepEqual(await other.since(before), {
        ...nothing(removed),
        removed: [
          { kind: 'key', ...named, id: 'k1' },
          { kind: 'provider', ...named, id: 'sms' },
          { kind: 'webhook', ...named, id: 'crm' },
          { kind: 'campaign', ...named, id: '~a', version: 3 },
        ],
      });
      const next = { campaign: campaign('~a', 4, 'Again'), contentChanged: true };
      const revision = await write({ keys: [key('k1')], providers: [provider('sms')], campaigns: [next] });
      const back = {
        ...nothing(revision),
        keys: [key('k1')],
        providers: [provider('sms')],
        campaigns: [next.campaign],
      };
      assert.deepEqual(await other.since(removed), back);
    });

    test('a campaign keeps the content of each version, also once it is removed', async () => {
      await write({ campaigns: [{ campaign: campaign('~a', 1, 'One'), contentChanged: true }] });
      await write({ campaigns: [{ campaign: campaign('~a', 2, 'Two'), contentChanged: true }] });
      const running = { ...campaign('~a', 2, 'ignored'), state: 'running' as const, name: 'Renamed' };
      const revision = await write({ campaigns: [{ campaign: running, contentChanged: false }] });
      const news = await other.since(revision - 1);
      assert.deepEqual(news.campaigns, [{ ...running, content: campaign('~a', 2, 'Two').content }]);
      await write({ removedCampaigns: [{ accountId: 'demo', id: '~a' }] });
      for (const [version, body] of [
        [1, 'One'],
        [2, 'Two'],
      ] as const) {
        assert.deepEqual(await other.version('demo', '~a', version), campaign('~a', version, body).content);
      }
      assert.equal(await other.version('demo', '~a', 3), null);
      assert.equal(await other.version('acme', '~a', 1), null);
    });
  });
}
