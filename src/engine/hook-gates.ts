/** One gate for the hooks of each campaign: one receiver that hangs holds up no other campaign's. */
import type { AccountId, CampaignId } from '#domain/ids.ts';
import { createGate } from './gate.ts';
import type { Gate } from './gate.ts';

/** Calls that the hooks of one campaign may have under way at once, on one node. */
const HOOK_CONCURRENCY = 64;

/** Finds the gate. */
export interface HookGates {
  of(accountId: AccountId, campaignId: CampaignId): Gate;
}

/** No gates yet; there will be no more than campaigns with hooks. */
export function hookGates(): HookGates {
  const gates = new Map<string, Gate>();
  return {
    of: (accountId, campaignId) => {
      const key = JSON.stringify([accountId, campaignId]);
      const known = gates.get(key);
      if (known) return known;
      const gate = createGate();
      gate.widen(HOOK_CONCURRENCY);
      gates.set(key, gate);
      return gate;
    },
  };
}
