/**
 * The configuration in memory, followed by revision: a node reads what changed twice a second, and at once what it changed
 * itself. Asking it is synchronous, except for old campaign versions.
 */
import type { CampaignContent } from '#domain/campaign.ts';
import type { AccountId, CampaignId } from '#domain/ids.ts';
import type { ConfigChanges, ConfigStore } from '#ports/config-store.ts';
import { OverloadedError } from '#ports/unavailable.ts';
import { configIndex, nameOf } from './config-index.ts';
import type { ConfigIndex } from './config-index.ts';

/** Old campaign versions kept in memory: those that waiting transactions pin. */
const VERSIONS_MAX = 2_000;
/** How often a write that met somebody else's is decided again. */
const WRITE_TRIES = 20;

/** The configuration as this node knows it. */
export interface ConfigCache extends ConfigIndex {
  revision(): number;
  /** The content of any version there ever was; null for none. */
  version(accountId: AccountId, id: CampaignId, version: number): Promise<CampaignContent | null>;
  /** Reads what has changed. */
  refresh(): Promise<void>;
  /**
   * Decides changes on what is known and writes them; when another node wrote meanwhile, reads that and decides again.
   * @param decide may throw to refuse; nothing is written then. Null: nothing to change.
   */
  change(decide: () => ConfigChanges | null): Promise<void>;
}

/** A cache with nothing in it; `refresh` fills it. */
export function configCache(store: ConfigStore): ConfigCache {
  const { take, ...index } = configIndex();
  const versions = new Map<string, CampaignContent>();
  let revision = 0;
  let refreshing: Promise<void> | null = null;
  let lastChange: Promise<void> = Promise.resolve();

  async function version(accountId: AccountId, id: CampaignId, number: number): Promise<CampaignContent | null> {
    const current = index.campaign(accountId, id);
    if (current?.version === number) return current.content;
    const name = `${nameOf({ accountId, id })} ${number}`;
    const known = versions.get(name);
    if (known) return known;
    const content = await store.version(accountId, id, number);
    if (content) {
      versions.set(name, content);
      if (versions.size > VERSIONS_MAX) versions.delete(versions.keys().next().value!);
    }
    return content;
  }

  /** One read at a time: two that overlap could apply the older answer last. */
  function refresh(): Promise<void> {
    refreshing ??= read().finally(() => (refreshing = null));
    return refreshing;
  }

  async function read(): Promise<void> {
    const news = await store.since(revision);
    take(news);
    revision = news.revision;
  }

  /** A read that had begun before a write does not have it. */
  async function readUpTo(written: number): Promise<void> {
    await refresh();
    if (revision < written) await readUpTo(written);
  }

  /** One at a time on this node: writers that race would only make each other decide again. */
  function change(decide: () => ConfigChanges | null): Promise<void> {
    const turn = lastChange.then(() => changeNow(decide));
    lastChange = turn.catch(() => undefined); // its own caller is told
    return turn;
  }

  async function changeNow(decide: () => ConfigChanges | null): Promise<void> {
    for (let tries = 0; tries < WRITE_TRIES; tries++) {
      await refresh();
      const changes = decide();
      if (changes === null) return;
      const written = await store.write(changes, revision);
      if (written === null) continue;
      return readUpTo(written);
    }
    throw new OverloadedError('the configuration is being changed by others all the time');
  }

  return { ...index, revision: () => revision, version, refresh, change };
}
