/** A campaign's current version as one user would get it, whatever its state; nothing is written and nothing sent. */
import type { Account } from '#domain/account.ts';
import type { Campaign } from '#domain/campaign.ts';
import { renderContext } from '#domain/render-context.ts';
import type { JsonObject, TransactionRequest } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import type { Transaction } from '#domain/transaction.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import { TemplateError } from '#ports/templates.ts';
import type { Templates } from '#ports/templates.ts';
import { addressFor } from './address.ts';
import { parseContent } from './render.ts';
import type { Rendered } from './render.ts';

/** For whom, and with what. */
export interface PreviewRequest {
  /** Null: nobody that is known. */
  userId: string | null;
  token: JsonObject;
  params: JsonObject;
  email: string | null;
  phone: string | null;
}

/** The texts, and to whom they would go. */
export type Preview =
  | { kind: 'rendered'; texts: Rendered; to: string | null; reason: 'no_address' | 'invalid_address' | null }
  /** A template fails on these values; the message is for its author. */
  | { kind: 'failed'; message: string };

/** What a preview calls its transaction. */
const PREVIEW_ID = '00000000-0000-7000-8000-000000000000';

/** Renders the campaign's current version. */
export async function previewCampaign(
  { profiles, templates }: { profiles: ProfileStore; templates: Templates },
  account: Account,
  campaign: Campaign,
  wanted: PreviewRequest,
  now: Instant,
): Promise<Preview> {
  const { content } = campaign;
  const profile = wanted.userId === null ? null : await profiles.load(account.id, wanted.userId);
  const request = requestOf(campaign, wanted);
  const address = addressFor(content.channel, request, profile, account.defaultRegion);
  const to = address.kind === 'found' ? address.to : null;
  const reason = address.kind === 'found' ? null : address.kind === 'none' ? 'no_address' : 'invalid_address';
  try {
    const context = renderContext(transactionOf(account, campaign, request, now), request, profile);
    return { kind: 'rendered', texts: parseContent(content, templates).render(context), to, reason };
  } catch (error) {
    if (error instanceof TemplateError) return { kind: 'failed', message: error.message };
    throw error;
  }
}

function requestOf({ id }: Campaign, { userId, token, params, email, phone }: PreviewRequest): TransactionRequest {
  return {
    campaignIds: [id],
    mode: 'all',
    userId: userId ?? '',
    txnId: 'preview',
    ttl: null,
    startAt: null,
    token,
    params,
    email,
    phone,
    eventName: null,
    profile: null,
  };
}

function transactionOf(
  account: Account,
  campaign: Campaign,
  { userId, mode }: TransactionRequest,
  now: Instant,
): Transaction {
  return {
    id: PREVIEW_ID,
    accountId: account.id,
    txnId: 'preview',
    userId,
    mode,
    createdAt: now,
    startAt: now,
    deadline: null,
    receiptWindowMs: account.receiptWindowMs,
    throttleWaitMs: 0,
    tracksEvent: false,
    updatesProfile: false,
    initialProcessing: 'done',
    status: { name: 'running' },
    legs: [
      {
        campaignId: campaign.id,
        campaignVersion: campaign.version,
        policy: {},
        state: { name: 'pending' },
        facts: { attempts: 0 },
      },
    ],
  };
}
