/** A message in FCM's words. https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages */
import type { OutgoingMessage } from '#ports/provider.ts';

/** Bytes of all texts and data of a message, names included. */
export const FCM_PAYLOAD_MAX_BYTES = 4_096;

/** What a provider's settings say about its messages. */
export interface FcmContent {
  /** `notification`: the system shows it. `data`: the app gets all of it and shows it itself. */
  shape: 'notification' | 'data';
  priority: 'high' | 'normal';
  /** Seconds; null: the vendor's four weeks. */
  ttlS: number | null;
  androidChannel: string | null;
  sound: string | null;
}

/** The parts that we fill. */
export interface FcmMessage {
  token: string;
  notification?: { title?: string; body?: string; image?: string };
  data: Record<string, string>;
  android: object;
  apns: object;
  webpush: object;
}

/** One device's message. Sent twice, the second replaces the first on the screen: both carry the message's id. */
export function fcmMessage(message: OutgoingMessage, content: FcmContent, token: string): FcmMessage {
  const { messageId, title, body, image, report } = message;
  const { shape, priority, ttlS, androidChannel, sound } = content;
  const texts = withoutNulls({ title, body, image });
  const isShown = shape === 'notification';
  // An extension of the app fetches the image, or reports, before the message is shown.
  const aps = isShown
    ? { ...((image !== null || report !== null) && { 'mutable-content': 1 }), ...(sound !== null && { sound }) }
    : { 'content-available': 1 };
  return {
    token,
    ...(isShown && { notification: texts }),
    data: { ...(!isShown && texts), ...dataOf(message) },
    android: {
      priority: priority.toUpperCase(),
      ...(ttlS !== null && { ttl: `${ttlS}s` }),
      ...(isShown && {
        notification: {
          tag: messageId,
          ...(androidChannel !== null && { channel_id: androidChannel }),
          ...(sound !== null && { sound }),
        },
      }),
    },
    apns: {
      headers: {
        'apns-collapse-id': messageId,
        'apns-push-type': isShown ? 'alert' : 'background',
        'apns-priority': isShown && priority === 'high' ? '10' : '5',
      },
      ...(Object.keys(aps).length > 0 && { payload: { aps } }),
      ...(isShown && image !== null && { fcm_options: { image } }),
    },
    webpush: {
      headers: { Urgency: priority, ...(ttlS !== null && { TTL: String(ttlS) }) },
      ...(isShown && message.url?.startsWith('https://') && { fcm_options: { link: message.url } }),
    },
  };
}

/** What the app gets beside the texts; ours win over a campaign's `data` of the same name. */
function dataOf({ messageId, url, data, report }: OutgoingMessage): Record<string, string> {
  return {
    ...data,
    messageId,
    ...(url !== null && { url }),
    ...(report && { reportUrl: report.url, reportClicks: String(report.clicks) }),
  };
}

/** Bytes of what counts against the vendor's limit. */
export function payloadBytes({ notification = {}, data }: FcmMessage): number {
  const pairs = Object.entries({ ...notification }).concat(Object.entries(data));
  return pairs.reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text), 0);
}

function withoutNulls<Texts extends Record<string, string | null>>(texts: Texts): { [Name in keyof Texts]?: string } {
  const said = Object.entries(texts).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(said) as { [Name in keyof Texts]?: string };
}
