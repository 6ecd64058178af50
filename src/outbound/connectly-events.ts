/** Events in the shape of Connectly's delivery-status webhooks. Vendor pages: Webhook Payload, Error Codes. */
import type { ToldEvent } from '#ports/webhook-sender.ts';

/** The vendor's words. What has none is not told in this format; a test call is told as what it is. */
const STATUS_WORDS: Partial<Record<ToldEvent['type'], string>> = {
  'message.sent': 'sent',
  'message.delivered': 'delivered',
  'message.opened': 'read',
  'message.failed': 'delivery_failed',
  test: 'test',
};

/** The vendor's codes for our reasons; others are the vendor's word for a message that cannot be delivered. */
const CODES: Record<string, string> = {
  invalid_address: 'ERROR_CODE_PHONE_NUMBER_BAD_FORMAT',
  invalid_number: 'ERROR_CODE_MESSAGE_PHONE_NUMBER_INVALID',
  invalid_sender: 'ERROR_CODE_INVALID_SENDER_ID',
  opted_out: 'ERROR_CODE_MESSAGE_CUSTOMER_OPTED_OUT',
  render_error: 'ERROR_CODE_MESSAGE_TEMPLATE_INPUT_INVALID',
  provider_not_configured: 'ERROR_CODE_BUSINESS_MISSES_MATCHING_CHANNEL',
};
const OTHER_CODE = 'ERROR_CODE_UNSPECIFIED';

/** The document. `timestamp` is a text of seconds since 1970. */
export function connectlyEvent({ id, type, at, message }: ToldEvent): string {
  const channelType = message?.channel ?? null;
  return JSON.stringify({
    topic: 'delivery_status',
    timestamp: String(Math.floor(at / 1_000)),
    sender: { id: message?.from ?? null, channelType },
    recipient: { id: message?.to ?? null, channelType },
    statusUpdate: {
      id: message?.id ?? id,
      status: STATUS_WORDS[type] ?? type,
      error: type === 'message.failed' ? errorOf(message?.id ?? id, message?.reason ?? null) : null,
    },
    metadata: { campaign_name: message?.campaignName ?? null },
  });
}

/** The vendor's error object. What the message's id finds here is the trace. */
function errorOf(traceId: string, reason: string | null): object {
  const said = reason ?? 'not delivered';
  // Behind the colon is what the vendor said.
  const [word] = said.split(':');
  return {
    message: said,
    type: 'ERROR_TYPE_INVALID_REQUEST',
    code: CODES[word!] ?? OTHER_CODE,
    userTitle: 'The message was not delivered',
    userMessage: `${said} (trace id ${traceId})`,
    cntTraceId: traceId,
    details: {},
  };
}
