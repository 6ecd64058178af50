/** The providers this node speaks to: opened at first use, reopened when their configuration changes. */
import type { AccountId, ProviderId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { Log } from '#ports/log.ts';
import type { Provider } from '#ports/provider.ts';
import type { ConfigCache } from './config-cache.ts';
import { createGate } from './gate.ts';
import type { Gate } from './gate.ts';
import type { Paces } from './paces.ts';

/** An open provider with its gate. */
export interface ProviderInUse {
  config: ProviderConfig;
  provider: Provider;
  gate: Gate;
}

/** Finds and keeps open providers. */
export interface ProvidersInUse {
  /** Null when there is no such provider. Throws when its settings cannot be opened. */
  find(accountId: AccountId, id: ProviderId): ProviderInUse | null;
  close(): Promise<void>;
}

/** @param open makes a provider of the catalogue. */
export function providersInUse(
  config: ConfigCache,
  open: (config: ProviderConfig) => Provider,
  paces: Paces,
  log: Log,
): ProvidersInUse {
  const inUse = new Map<string, ProviderInUse>();

  function close({ provider, config: { id } }: ProviderInUse): Promise<void> {
    return provider
      .close()
      .catch((error: unknown) => log.warn({ provider: id, error }, 'a provider did not close cleanly'));
  }

  return {
    find(accountId, id) {
      const current = config.provider(accountId, id);
      const key = `${accountId} ${id}`;
      const known = inUse.get(key);
      // The cache hands out the same object until the configuration changes.
      if (known && known.config === current) return known;
      if (known) {
        inUse.delete(key);
        void close({ ...known });
      }
      if (!current) return null;
      const opened = { config: current, provider: open(current), gate: known?.gate ?? createGate() };
      paces.apply(opened.gate, current, opened.provider.concurrency);
      // In place: messages that wait at the gate must not go out through the one that is being closed.
      const renewed = known ? Object.assign(known, opened) : opened;
      inUse.set(key, renewed);
      return renewed;
    },
    close: async () => void (await Promise.all([...inUse.values()].map(close))),
  };
}
