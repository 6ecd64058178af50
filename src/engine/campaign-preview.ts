/** A campaign's current version as one user would get it, whatever its state; nothing is written and nothing sent. */
import type { Account } from '#domain/account.ts';
import { stagesOf } from '#domain/campaign.ts';
import type { Campaign, Channel, MessageContent } from '#domain/campaign.ts';
import type { ProviderId } from '#domain/ids.ts';
import type { Profile } from '#domain/profile.ts';
import { providersFor } from '#domain/provider-choice.ts';
import { renderContext } from '#domain/render-context.ts';
import { NOTHING_MORE } from '#domain/request.ts';
import type { JsonObject } from '#domain/request.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import { TemplateError } from '#ports/templates.ts';
import type { Templates } from '#ports/templates.ts';
import { addressFor } from './address.ts';
import { countryOf } from './country.ts';
import { parseContent } from './render.ts';
import type { Rendered } from './render.ts';
import { untracked } from './tracking.ts';

/** For whom, and with what. */
export interface PreviewRequest {
  /** Null: nobody that is known. */
  userId: string | null;
  token: JsonObject;
  params: JsonObject;
  email: string | null;
  phone: string | null;
}

/** One message of the campaign: its texts, and to whom they would go. */
export interface MessagePreview {
  /** The position of its stage. */
  stage: number;
  channel: Channel;
  provider: ProviderId;
  texts: Rendered;
  to: string | null;
  reason: 'no_address' | 'invalid_address' | null;
}

/** What a campaign would send. */
export type Preview =
  | { kind: 'rendered'; messages: MessagePreview[] }
  /** A template fails on these values; the message is for its author. */
  | { kind: 'failed'; message: string };

/** What a preview calls its transaction. */
const PREVIEW_ID = '00000000-0000-7000-8000-000000000000';

/** Renders all messages of the campaign's current version. */
export async function previewCampaign(
  { profiles, templates }: { profiles: ProfileStore; templates: Templates },
  account: Account,
  { content }: Campaign,
  wanted: PreviewRequest,
): Promise<Preview> {
  const profile = wanted.userId === null ? null : await profiles.load(account.id, wanted.userId);
  const userId = wanted.userId ?? '';
  const request = { ...NOTHING_MORE, token: wanted.token };
  const transaction = { id: PREVIEW_ID, txnId: 'preview', userId };
  const context = renderContext(transaction, request, wanted.params, profile);
  try {
    const messages = stagesOf(content).flatMap((stage, position) =>
      stage.kind === 'message' ? stage.messages.map((one) => ({ stage: position, ...previewOf(one) })) : [],
    );
    return { kind: 'rendered', messages };
  } catch (error) {
    if (error instanceof TemplateError) return { kind: 'failed', message: error.message };
    throw error;
  }

  function previewOf(message: MessageContent): Omit<MessagePreview, 'stage'> {
    const { channel, providers } = message;
    const texts = untracked(parseContent(message, templates).render(context));
    const recipient = recipientOf(channel, account, wanted, profile);
    const [preferred = providers[0]!] = providersFor(message, PREVIEW_ID, recipient.to ?? '', countryOf);
    return { channel, provider: preferred, texts, ...recipient };
  }
}

function recipientOf(
  channel: Channel,
  { defaultRegion }: Account,
  { userId, email, phone }: PreviewRequest,
  profile: Profile | null,
): Pick<MessagePreview, 'to' | 'reason'> {
  const address = addressFor(channel, { userId: userId ?? '', email, phone }, profile, defaultRegion);
  if (address.kind === 'found') return { to: address.to, reason: null };
  return { to: null, reason: address.kind === 'none' ? 'no_address' : 'invalid_address' };
}
