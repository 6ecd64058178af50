/**
 * Where sendouts live: a sendout is all batches of one version of a campaign, under one id. `tests/conformance/sendout-store.ts`
 * says the same in tests.
 */
import type { Batch } from '#domain/batch.ts';
import type { AccountId, CampaignId, SendoutId } from '#domain/ids.ts';
import type { Instant } from '#domain/time.ts';
import type { BatchPage } from './batch-store.ts';

/** What a call sends of one version of a campaign. */
export interface SendoutPart {
  campaignId: CampaignId;
  version: number;
  /** Its id, should there be none yet. It carries the same routing hash as the ids of all parts and batches of its account. */
  newId: SendoutId;
  /** Null: nobody is to be sent anything; the sendout is then looked up, not made. */
  batch: { batch: Batch; pages: BatchPage[] } | null;
}

/** A call to accept. No version of a campaign is in it twice, and it has at least one part. */
export interface SendoutCall {
  accountId: AccountId;
  at: Instant;
  parts: SendoutPart[];
}

/** The sendout of a part. */
export interface FoundSendout {
  /** Null: there is none. */
  id: SendoutId | null;
  /** This call made it: true for one call alone, ever. */
  isNew: boolean;
}

/** The promises: a call's batches and sendouts are stored in one unit of work, and durable when it is answered. */
export interface SendoutStore {
  /** @returns the sendouts of the parts, in their order. */
  accept(call: SendoutCall): Promise<FoundSendout[]>;
}
