/** All token buckets that this node uses: those with something to tell or to give back are looked after now and then. */
import type { BucketRate } from '#domain/shared-bucket.ts';
import type { Log } from '#ports/log.ts';
import { leasedTokens } from './leased-tokens.ts';
import type { LeasedTokens, LeaseTools, Taker } from './leased-tokens.ts';
import { startLoop } from './loop.ts';

/** How often they are looked after. */
const TICK_MS = 250;

/** The buckets of a node. */
export interface TokenPool {
  /** This node's part of the bucket of a name; each name is to be leased once. */
  lease(name: string, rate: BucketRate, taker?: Taker): LeasedTokens;
  /** Tells what was used, and gives back the rest. */
  stop(): Promise<void>;
}

/** Starts looking after them. */
export function startTokenPool(tools: Omit<LeaseTools, 'onActive'> & { log: Log }): TokenPool {
  const active = new Set<LeasedTokens>();
  const leasing = { ...tools, onActive: (tokens: LeasedTokens) => void active.add(tokens) };

  async function tick(tokens: LeasedTokens): Promise<void> {
    if (!(await tokens.tick())) active.delete(tokens);
  }

  const loop = startLoop('tokens', tools.log, async () => {
    await Promise.all([...active].map(tick));
    return TICK_MS;
  });

  return {
    lease: (name, rate, taker) => leasedTokens(leasing, name, rate, taker),
    stop: async () => {
      await loop.stop();
      await Promise.all([...active].map((tokens) => tokens.close()));
    },
  };
}
