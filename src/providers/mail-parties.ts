/** Whom an e-mail is from and to, for vendors that take addresses one by one. */
import type { JsonObject } from '#domain/request.ts';
import type { OutgoingMessage, SendOutcome } from '#ports/provider.ts';
import { readAddress, readNamedAddress } from './mail-address.ts';
import type { NamedAddress } from './mail-address.ts';
import { SettingsFault, readText } from './settings.ts';

/** The address at `from` of a provider's settings, for messages whose campaign says none; null when the key is missing. @throws {SettingsFault} */
export function readFrom(settings: JsonObject): NamedAddress | null {
  const text = readText(settings, 'from', '');
  if (text === null) return null;
  const from = readNamedAddress(text);
  if (!from) throw new SettingsFault('from', `"${text}" is not an e-mail address such as Shop <shop@example.com>`);
  return from;
}

/** The addresses of a message, once they are known to be some. */
export interface MailAddresses {
  from: NamedAddress;
  to: string;
  replyTo: NamedAddress | null;
}

/** The addresses, or why the message is refused before anybody is asked. */
export function addressesOf(message: OutgoingMessage, otherwise: NamedAddress | null): MailAddresses | SendOutcome {
  const from = message.from === null ? otherwise : readNamedAddress(message.from);
  if (!from) return refused('invalid_sender', 'neither the campaign nor the provider has a usable "from"');
  const to = readAddress(message.to);
  if (to === null) return refused('invalid_address', 'that is not an e-mail address');
  const replyTo = message.replyTo === null ? null : readNamedAddress(message.replyTo);
  if (message.replyTo !== null && !replyTo) return refused('invalid_content', '"replyTo" is not an e-mail address');
  if (!message.body && !message.html)
    return refused('invalid_content', 'the message has neither a "body" nor an "html" with something in it');
  return { from, to, replyTo };
}

function refused(reason: string, detail: string): SendOutcome {
  return { kind: 'rejected', reason, detail, retryable: false };
}
