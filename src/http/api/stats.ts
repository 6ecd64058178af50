/** Our API: counters. */
import type { FastifyRequest } from 'fastify';
import { isoTime } from '#domain/time.ts';
import type { ApiTools } from '../api-tools.ts';
import { instant } from '../query.ts';
import { Refusal } from '../refusal.ts';
import { callerAccount } from './entry.ts';

/** How far back counters are read when the query names no `since`, and at most. */
const SINCE_DEFAULT_MS = 24 * 3_600_000;
const SINCE_MAX_MS = 31 * 24 * 3_600_000;

/** The endpoints; `registerRoutes` gives them their URLs. */
export function statsEndpoints({ stats, clock }: ApiTools) {
  return {
    get: {
      config: { scope: 'read' as const },
      handler: async (request: FastifyRequest) => {
        const now = clock.now();
        const since = instant(request, 'since') ?? now - SINCE_DEFAULT_MS;
        if (since < now - SINCE_MAX_MS) throw new Refusal('invalid', 'since must be at most 31 days ago');
        const counts = await stats.read(callerAccount(request).id, since);
        const totals: Record<string, number> = {};
        const channels: Record<string, Record<string, number>> = {};
        for (const { what, channel, count } of counts) {
          totals[what] = (totals[what] ?? 0) + count;
          if (channel === '') continue;
          const ofChannel = (channels[channel] ??= {});
          ofChannel[what] = (ofChannel[what] ?? 0) + count;
        }
        const hours = counts.map(({ accountId: _account, hour, ...count }) => ({ hour: isoTime(hour), ...count }));
        return { since: isoTime(since), totals, channels, hours };
      },
    },
  };
}
