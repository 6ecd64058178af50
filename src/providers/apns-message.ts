/** A message in Apple's words ("Generating a remote notification"). */
import type { OutgoingMessage } from '#ports/provider.ts';

/** Bytes of a payload. */
export const APNS_PAYLOAD_MAX_BYTES = 4_096;

/** What a provider's settings say about its messages. */
export interface ApnsContent {
  /** `alert`: the system shows it. `background`: the app is woken and gets the texts. */
  pushType: 'alert' | 'background';
  sound: string | null;
}

/** `aps` and, beside it, what the app gets; ours win over a campaign's `data` of the same name. */
export function apnsPayload(message: OutgoingMessage, { pushType, sound }: ApnsContent): object {
  const { messageId, title, body, image, url, data, report } = message;
  const texts = { ...(title !== null && { title }), ...(body !== null && { body }) };
  const isShown = pushType === 'alert';
  // An extension of the app fetches the image, or reports, before the message is shown.
  const isMutable = image !== null || report !== null;
  const shown = { alert: texts, ...(sound !== null && { sound }), ...(isMutable && { 'mutable-content': 1 }) };
  return {
    ...data,
    ...(!isShown && texts),
    messageId,
    ...(url !== null && { url }),
    ...(image !== null && { image }),
    ...(report && { reportUrl: report.url, reportClicks: report.clicks }),
    aps: isShown ? shown : { 'content-available': 1 },
  };
}
