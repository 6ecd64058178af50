import type { MessageId } from '#domain/ids.ts';
import type { ProviderConfig } from '#domain/provider.ts';

/**
 * Where the vendor calls back.
 * @param publicUrl Carom's address as vendors see it, without a trailing slash.
 * @param message when given, the address for the receipts of this very message.
 */
export function receiptUrl(publicUrl: string, { id, receiptSecret }: ProviderConfig, message?: MessageId): string {
  const address = `${publicUrl}/v1/receipts/${encodeURIComponent(id)}/${receiptSecret}`;
  return message === undefined ? address : `${address}?message=${message}`;
}
