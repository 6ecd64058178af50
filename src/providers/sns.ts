/**
 * Messages of Amazon SNS to an HTTPS endpoint, and who signed them
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html).
 */
import { verify } from 'node:crypto';
import { CallbackError, ForgedCallbackError } from '#ports/provider.ts';
import type { Callback } from '#ports/provider.ts';
import type { Instant } from '#domain/time.ts';
import type { SnsDoor } from './sns-door.ts';

/** SNS tries for an hour at most (https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html); the rest is for clocks. */
const AGE_MAX_MS = 2 * 3_600_000;
/** How far the clock of SNS may be ahead of ours, in ms. */
const AHEAD_MAX_MS = 15 * 60_000;

/** The hash of each version of signatures. */
const HASHES = new Map([
  ['1', 'RSA-SHA1'],
  ['2', 'RSA-SHA256'],
]);

/** What a signature is over, in this order; `Subject` only where there is one. */
const SIGNED = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
} as const;

/** A message whose signature is right. */
export interface SnsMessage {
  type: keyof typeof SIGNED;
  topicArn: string;
  /** What was published to the topic. */
  text: string;
  /** Where a subscription is confirmed; empty in notifications. */
  subscribeUrl: string;
}

/** True where a callback is about the subscription itself. */
export function isAboutSubscription({ headers, body }: Callback): boolean {
  // The header is on every call of SNS; a proxy before us may have dropped it.
  const type = headers['x-amz-sns-message-type'] ?? (body as { Type?: unknown } | null)?.Type;
  return type === 'SubscriptionConfirmation' || type === 'UnsubscribeConfirmation';
}

/**
 * The message in a callback, its signature checked.
 * @param topics the ARNs of the topics that may say something; empty: all.
 * @throws {CallbackError} for what is no message of SNS. @throws {ForgedCallbackError} for one that SNS did not sign, or not now.
 * @throws {CallbackDeferredError} while the certificate cannot be fetched.
 */
export async function readSnsMessage(
  { headers, body }: Callback,
  topics: readonly string[],
  door: SnsDoor,
  now: Instant,
): Promise<SnsMessage> {
  if (headers['x-amz-sns-rawdelivery'] === 'true')
    throw new ForgedCallbackError(
      'it comes without a signature; turn "raw message delivery" off for this subscription',
    );
  const fields = fieldsOf(body);
  const { Type, TopicArn, Message, Timestamp, SubscribeURL = '' } = fields;
  if (!isKnownType(Type))
    throw new CallbackError(`it is no message of SNS: its "Type" is ${JSON.stringify(Type ?? null)}`);
  if (TopicArn === undefined || Message === undefined || Timestamp === undefined)
    throw new CallbackError('it is no message of SNS: "TopicArn", "Message" or "Timestamp" is missing');
  if (topics.length > 0 && !topics.includes(TopicArn))
    throw new ForgedCallbackError(`it is of another topic than the provider's "topicArn"`);
  const at = Date.parse(Timestamp);
  if (!(at >= now - AGE_MAX_MS && at <= now + AHEAD_MAX_MS))
    throw new ForgedCallbackError('it is too old, or the clocks differ');
  const { SignatureVersion = '', Signature = '', SigningCertURL = '' } = fields;
  const hash = HASHES.get(SignatureVersion);
  const signed = Buffer.from(SIGNED[Type].map((name) => lineOf(name, fields[name])).join(''));
  const key = hash ? await door.keyAt(SigningCertURL) : null;
  if (!key || !verify(hash, signed, key, Buffer.from(Signature, 'base64')))
    throw new ForgedCallbackError('its signature is not that of SNS');
  return { type: Type, topicArn: TopicArn, text: Message, subscribeUrl: SubscribeURL };
}

function lineOf(name: string, value: string | undefined): string {
  return value === undefined ? '' : `${name}\n${value}\n`;
}

/** The texts among the fields of a body. */
function fieldsOf(body: unknown): Partial<Record<string, string>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new CallbackError('it is no message of SNS: the body is not JSON');
  return Object.fromEntries(Object.entries(body).filter(([, value]) => typeof value === 'string'));
}

function isKnownType(type: string | undefined): type is keyof typeof SIGNED {
  return type !== undefined && Object.hasOwn(SIGNED, type);
}
