/** Stores the files of campaigns, before the campaigns that name them. */
import type { AccountId, CampaignId } from '#domain/ids.ts';
import type { Clock } from '#ports/clock.ts';
import type { FileStore } from '#ports/file-store.ts';
import type { FileDraft } from './attachments.ts';
import type { Faults } from './faults.ts';
import type { MessageDraft } from './message.ts';

/** What storing needs. */
export interface FileTools {
  files: FileStore;
  clock: Clock;
}

/** A campaign that was read, with its messages. */
interface Campaign {
  id: CampaignId;
  messages: readonly MessageDraft[];
}

/** Adds a fault for each file that was given without its content, and is not there. */
export async function refuseMissingFiles(
  { files }: FileTools,
  accountId: AccountId,
  campaigns: readonly Campaign[],
  faults: Faults,
): Promise<void> {
  const stored = campaigns.flatMap(filesOf).filter(({ pieces }) => pieces === null);
  if (stored.length === 0) return;
  const known = await files.known(
    accountId,
    stored.map(({ attachment }) => attachment.sha256),
  );
  for (const { path, attachment } of stored) {
    if (!known.has(attachment.sha256)) {
      faults.add([...path, 'sha256'], 'is of no file that is stored here; give the content as "data"');
    }
  }
}

/** Stores the contents, and notes whose they are. Should the campaign not be changed after all, that is found out later. */
export async function storeFiles(
  { files, clock }: FileTools,
  accountId: AccountId,
  campaigns: readonly Campaign[],
): Promise<void> {
  for (const campaign of campaigns) {
    const its = filesOf(campaign);
    if (its.length === 0) continue;
    for (const { attachment, pieces } of its) {
      const { sha256, sizeBytes } = attachment;
      if (pieces) await files.put({ accountId, sha256, sizeBytes, pieces }, clock.now());
    }
    const owner = { kind: 'campaign', id: campaign.id } as const;
    const contents = its.map(({ attachment }) => attachment);
    await files.refer(accountId, owner, contents, clock.now());
  }
}

function filesOf({ messages }: Campaign): FileDraft[] {
  return messages.flatMap(({ files }) => files);
}
