/** Makes an account what a manifest says: all of it or nothing. */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HookCaller } from '#ports/hook.ts';
import type { ProviderType } from '#ports/provider.ts';
import type { Templates } from '#ports/templates.ts';
import type { WebhookSender } from '#ports/webhook-sender.ts';
import type { ConfigCache } from '../config-cache.ts';
import type { ManifestChange } from './changes.ts';
import { refuseMissingFiles, storeFiles } from './attachment-files.ts';
import type { FileTools } from './attachment-files.ts';
import { createFaults } from './faults.ts';
import type { Fault, Faults } from './faults.ts';
import { refuseBadHooks } from './hook.ts';
import { planManifest } from './plan.ts';
import type { Plan } from './plan.ts';
import { readManifest } from './read.ts';
import type { ManifestDraft } from './read.ts';
import { refuseBadTemplates } from './templates.ts';

/** Messages and hooks whose templates are parsed before others get their turn: a large manifest must not stop the node. */
const PARSED_PER_TURN = 20;
/** Bytes of the secret in a provider's callback address. */
const RECEIPT_SECRET_BYTES = 16;

/** What changing the configuration needs. */
export interface AdminTools extends FileTools {
  config: ConfigCache;
  templates: Templates;
  /** The words that providers' `type` may be. */
  providerTypes: readonly ProviderType[];
  hooks: Pick<HookCaller, 'faultOf'>;
}

/** What applying a whole manifest needs beside that. */
export interface ManifestTools extends AdminTools {
  sender: Pick<WebhookSender, 'faultOf'>;
}

/** What came of it. `planned`: a dry run, nothing was written. */
export type ManifestOutcome =
  | { kind: 'applied' | 'planned'; changes: ManifestChange[] }
  | { kind: 'refused'; faults: Fault[] };

/**
 * Applies a manifest, parsed and with its variables replaced.
 * @param options `prune` removes the providers, campaigns and (where it has `keys`, `webhooks`) keys and webhooks that it does not name.
 */
export async function applyManifest(
  tools: ManifestTools,
  input: unknown,
  { dryRun, prune }: { dryRun: boolean; prune: boolean },
): Promise<ManifestOutcome> {
  const { config } = tools;
  const found = createFaults();
  const draft = readManifest(input, found);
  if (!draft) return { kind: 'refused', faults: found.list() };
  await config.refresh();
  await refuseTemplates(tools, draft, found);
  await refuseMissingFiles(tools, draft.accountId, draft.campaigns, found);
  if (!dryRun && found.isEmpty()) await storeFiles(tools, draft.accountId, draft.campaigns);

  const planning = { ...tools, newReceiptSecret: () => randomBytes(RECEIPT_SECRET_BYTES).toString('hex') };
  let outcome: ManifestOutcome = { kind: 'refused', faults: [] };
  const decide = (): Plan['writes'] | null => {
    const faults = found.copy();
    const { changes, writes } = planManifest(planning, draft, prune, faults);
    outcome = faults.isEmpty()
      ? { kind: dryRun ? 'planned' : 'applied', changes }
      : { kind: 'refused', faults: faults.list() };
    return outcome.kind === 'applied' && changes.length > 0 ? writes : null;
  };
  await config.change(decide);
  return outcome;
}

/** Looks at the templates and hooks of what is new: what is stored has been looked at. */
async function refuseTemplates(
  { config, templates, hooks: caller }: AdminTools,
  draft: ManifestDraft,
  faults: Faults,
): Promise<void> {
  let parsed = 0;
  for (const { id, content, messages, hooks } of draft.campaigns) {
    if (isDeepStrictEqual(config.campaign(draft.accountId, id)?.content, content)) continue;
    for (const part of [...messages, ...hooks]) {
      if ('message' in part) refuseBadTemplates([part], templates, faults);
      else refuseBadHooks([part], caller, faults);
      parsed += 1;
      if (parsed % PARSED_PER_TURN === 0) await nextTurn();
    }
  }
}
