/** What a request would do, as our API shows it. */
import { messagesOf } from '#domain/campaign.ts';
import type { CampaignContent } from '#domain/campaign.ts';
import type { Transaction } from '#domain/transaction.ts';
import type { Prepared } from '#engine/prepare.ts';

/**
 * Each leg with what its messages and hooks would be; beside them, those of the first message for the leg itself.
 * @param contents of the campaigns, in the order of the legs.
 */
export function dryRunLegs(
  { legs, messages }: Transaction,
  prepared: readonly Prepared[],
  contents: readonly CampaignContent[],
): object[] {
  return legs.map(({ campaignId, campaignVersion }, position) => {
    const its = messages.flatMap((message, index) =>
      message.leg === position ? [{ ...message, prepared: prepared[index]! }] : [],
    );
    const channels = messagesOf(contents[position]!).map(({ channel }) => channel);
    const sent = its.filter(({ isHook }) => !isHook);
    return {
      position,
      campaignId,
      version: campaignVersion,
      ...outcomeView(sent[0]!.prepared),
      messages: sent.map((message, n) => ({
        stage: message.stage,
        channel: channels[n],
        ...outcomeView(message.prepared),
      })),
      hooks: its.filter(({ isHook }) => isHook).map((hook) => ({ stage: hook.stage, ...outcomeView(hook.prepared) })),
    };
  });
}

function outcomeView(prepared: Prepared): object {
  switch (prepared.kind) {
    case 'skip':
      return { state: 'skipped', reason: prepared.reason, message: null };
    case 'refuse':
      return { state: 'rejected', reason: prepared.reason, message: null };
    case 'ready': {
      // The addresses are signed for a message that is not made; so is its id.
      const {
        receiptUrl: _receipts,
        unsubscribeUrl: _consent,
        messageId: _id,
        headers: _own,
        ...message
      } = prepared.message;
      return { state: 'ready', reason: null, message: { provider: prepared.via.config.id, ...message } };
    }
    case 'hook': {
      // Not its headers: there may be a credential in them.
      const { method = 'POST', url } = prepared.call.request;
      return { state: 'ready', reason: null, method, url };
    }
  }
}
