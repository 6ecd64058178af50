/**
 * What has to be written so that an account is as its manifest says: a function of the two, asked again when another
 * node wrote meanwhile. What is stored already as it should be is not written again.
 */
import { isDeepStrictEqual } from 'node:util';
import { RECEIPT_WINDOW_DEFAULT_MS } from '#domain/account.ts';
import type { Account } from '#domain/account.ts';
import type { ProviderConfig } from '#domain/provider.ts';
import type { ProviderType } from '#ports/provider.ts';
import type { Templates } from '#ports/templates.ts';
import type { WebhookSender } from '#ports/webhook-sender.ts';
import type { ConfigChanges } from '#ports/config-store.ts';
import type { ConfigCache } from '../config-cache.ts';
import { planCampaign, refuseBadReferences } from './plan-campaign.ts';
import { planKeys } from './plan-keys.ts';
import { fieldChanges } from './changes.ts';
import type { ManifestChange } from './changes.ts';
import type { Faults } from './faults.ts';
import { accountView } from './of.ts';
import { providerWithSecrets, receiptsDefault, refuseBadSettings, secretsOf, typeOf } from './provider.ts';
import type { ProviderDraft } from './provider.ts';
import type { ManifestDraft } from './read.ts';
import { withSecrets } from './secrets.ts';
import { refuseCrowdedEvents } from './starts-on.ts';
import { planWebhooks } from './webhook-plan.ts';
import { writingOf } from './writing-rules.ts';

/** What planning needs. */
export interface PlanTools {
  config: ConfigCache;
  templates: Templates;
  providerTypes: readonly ProviderType[];
  sender: Pick<WebhookSender, 'faultOf'>;
  /** 32 hex characters that nobody can guess. */
  newReceiptSecret(): string;
}

/** What will change: to show, and to write. */
export interface Plan {
  changes: ManifestChange[];
  writes: Required<ConfigChanges>;
}

/** Nothing yet. */
export function emptyPlan(): Plan {
  return {
    changes: [],
    writes: {
      accounts: [],
      keys: [],
      providers: [],
      campaigns: [],
      webhooks: [],
      removedKeys: [],
      removedProviders: [],
      removedCampaigns: [],
      removedWebhooks: [],
    },
  };
}

/** Compares the manifest with what is stored; what forbids it is added to the faults. */
export function planManifest(tools: PlanTools, draft: ManifestDraft, prune: boolean, faults: Faults): Plan {
  const plan = emptyPlan();
  planAccount(tools.config, draft, plan);
  planKeys(tools.config, draft, prune, plan, faults);
  for (const provider of draft.providers) planProvider(tools, draft.accountId, provider, plan, faults);
  for (const campaign of draft.campaigns) planCampaign(tools.config, draft.accountId, campaign, plan, faults);
  refuseCrowdedEvents(prune ? [] : tools.config.campaigns(draft.accountId), draft.campaigns, faults);
  planWebhooks(tools.config, tools.sender, draft, prune, plan, faults);
  refuseBadReferences(tools.config, draft, prune, faults);
  if (prune) planPruning(tools.config, draft, plan);
  return plan;
}

function planAccount(config: ConfigCache, draft: ManifestDraft, { changes, writes }: Plan): void {
  const { accountId: id } = draft;
  const stored = config.account(id);
  const privateNetwork = draft.privateNetwork ?? stored?.privateNetwork;
  const account: Account = {
    id,
    name: draft.name ?? stored?.name ?? id,
    defaultRegion: draft.defaultRegion === undefined ? (stored?.defaultRegion ?? null) : draft.defaultRegion,
    limits: draft.limits ?? stored?.limits ?? {},
    receiptWindowMs: draft.receiptWindowMs ?? stored?.receiptWindowMs ?? RECEIPT_WINDOW_DEFAULT_MS,
    ...writingOf(draft.writing, stored),
    ...(privateNetwork === 'allow' && { privateNetwork }),
  };
  if (isDeepStrictEqual(account, stored)) return;
  writes.accounts.push(account);
  const fields = fieldChanges(stored && accountView(stored), accountView(account));
  changes.push({ action: stored ? 'update' : 'create', kind: 'account', id, fields });
}

function planProvider(
  tools: PlanTools,
  accountId: string,
  draft: ProviderDraft,
  { changes, writes }: Plan,
  faults: Faults,
): void {
  const { id, path, channel, retry, limits } = draft;
  const stored = tools.config.provider(accountId, id);
  const type = typeOf(draft, tools.providerTypes, faults);
  if (!type) return;
  const given = { value: draft.settings, path, faults };
  const settings = withSecrets(given, stored?.settings ?? null, type.secrets);
  const provider: ProviderConfig = {
    accountId,
    id,
    channel,
    type: type.type,
    receipts: draft.receipts ?? receiptsDefault(type, settings),
    ...(retry && { retry }),
    ...(limits && { limits }),
    receiptSecret: stored?.receiptSecret ?? tools.newReceiptSecret(),
    settings,
  };
  if (isDeepStrictEqual(provider, stored)) return;
  refuseBadSettings({ ...given, value: settings }, type, tools.templates);
  writes.providers.push(provider);
  const secrets = [...type.secrets, ...(stored ? secretsOf(stored.type, tools.providerTypes) : [])];
  const fields = fieldChanges(stored && providerWithSecrets(stored), providerWithSecrets(provider), secrets);
  changes.push({ action: stored ? 'update' : 'create', kind: 'provider', id, fields });
}

function planPruning(
  config: ConfigCache,
  { accountId, declared, campaignIds }: ManifestDraft,
  { changes, writes }: Plan,
): void {
  const named = new Set(declared.map(({ id }) => id));
  for (const { id } of config.campaigns(accountId).filter((one) => !campaignIds.has(one.id))) {
    writes.removedCampaigns.push({ accountId, id });
    changes.push({ action: 'remove', kind: 'campaign', id, fields: [] });
  }
  for (const { id } of config.providers(accountId).filter((one) => !named.has(one.id))) {
    writes.removedProviders.push({ accountId, id });
    changes.push({ action: 'remove', kind: 'provider', id, fields: [] });
  }
}
