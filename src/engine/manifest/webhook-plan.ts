/** What has to be written so that an account's webhooks are as its manifest says. */
import { isDeepStrictEqual } from 'node:util';
import type { WebhookSender } from '#ports/webhook-sender.ts';
import type { ConfigCache } from '../config-cache.ts';
import { fieldChanges } from './changes.ts';
import type { Faults } from './faults.ts';
import type { Plan } from './plan.ts';
import type { ManifestDraft } from './read.ts';
import { WEBHOOK_SECRETS, completeWebhook, webhookWithSecrets } from './webhook.ts';

/** Plans the webhooks; a manifest that says nothing about them has none pruned. */
export function planWebhooks(
  config: ConfigCache,
  sender: Pick<WebhookSender, 'faultOf'>,
  draft: ManifestDraft,
  prune: boolean,
  { changes, writes }: Plan,
  faults: Faults,
): void {
  const { accountId, webhooks } = draft;
  if (!webhooks) return;
  const isAllowed = (draft.privateNetwork ?? config.account(accountId)?.privateNetwork) === 'allow';
  for (const one of webhooks) {
    const fault = sender.faultOf(one.url, isAllowed);
    if (fault !== null) faults.add([...one.path, 'url'], fault);
    const stored = config.webhook(accountId, one.id);
    const webhook = completeWebhook(one, { stored, accountId, faults, newSecret: null });
    if (!webhook || isDeepStrictEqual(webhook, stored)) continue;
    writes.webhooks.push(webhook);
    const fields = fieldChanges(stored && webhookWithSecrets(stored), webhookWithSecrets(webhook), WEBHOOK_SECRETS);
    changes.push({ action: stored ? 'update' : 'create', kind: 'webhook', id: one.id, fields });
  }
  if (!prune) return;
  const named = new Set(webhooks.map(({ id }) => id));
  for (const { id } of config.webhooks(accountId).filter((one) => !named.has(one.id))) {
    writes.removedWebhooks.push({ accountId, id });
    changes.push({ action: 'remove', kind: 'webhook', id, fields: [] });
  }
}
