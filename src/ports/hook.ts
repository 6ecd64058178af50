/** What the engine needs to make the HTTP calls of journeys (semantics §12). */
import type { MessageId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/request.ts';
import type { SendOutcome } from './provider.ts';

/** One call to make. */
export interface HookCall {
  /** `HookContent.request`, the object of the campaign's version itself: what is compiled of it is kept with it. */
  request: JsonObject;
  /** Given to the receiver as `Idempotency-Key`; the same for every attempt. */
  messageId: MessageId;
  /** What its templates see: the context of messages, with `message_id`, `txn_id`, `campaign_id` and `user_id` beside it. */
  context: JsonObject;
  /** Whether it may reach private and loopback addresses. */
  allowPrivate: boolean;
}

/** Makes hooks' calls. */
export interface HookCaller {
  /** The first fault in a hook's request, as a path below the hook and a remedy; null when it can be called. */
  faultOf(request: JsonObject): { path: string; message: string } | null;
  /**
   * Makes the call: 2xx is `accepted`, with no reference; all else as for a provider's send. Bounded in time by the request's
   * own timeout. Never throws for what the receiver does.
   */
  call(call: HookCall): Promise<SendOutcome>;
  /** Ends its connections once the calls under way are answered. */
  close(): Promise<void>;
}
