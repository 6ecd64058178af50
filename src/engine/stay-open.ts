/** Providers that have to be open for receipts to come in (a bind): opened as soon as they are configured, closed when they are gone. */
import type { AccountId, ProviderId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Log } from '#ports/log.ts';
import type { ConfigCache } from './config-cache.ts';
import type { ProvidersInUse } from './providers-in-use.ts';

/** @returns compares what is open with what is configured; costs nothing while the configuration is the same. */
export function stayingOpen(
  config: Pick<ConfigCache, 'revision' | 'everyProvider'>,
  providers: Pick<ProvidersInUse, 'find'>,
  staysOpen: (config: ProviderConfig) => boolean,
  log: Log,
): () => void {
  let seen: number | null = null;
  let kept: { accountId: AccountId; id: ProviderId }[] = [];

  /** Finding one opens it; or closes it, when it is configured no more. */
  function find({ accountId, id }: { accountId: AccountId; id: ProviderId }): void {
    try {
      providers.find(accountId, id);
    } catch (error) {
      log.error({ accountId, provider: id, error }, 'a provider could not be opened; it takes no receipts');
    }
  }

  return () => {
    const revision = config.revision();
    if (revision === seen) return;
    seen = revision;
    const wanted = [...config.everyProvider()].filter(staysOpen);
    [...kept, ...wanted].forEach(find);
    kept = wanted.map(({ accountId, id }) => ({ accountId, id }));
  };
}
