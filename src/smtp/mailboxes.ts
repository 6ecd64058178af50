/** Who takes the mail to which address: providers offer themselves when they are opened. */
import type { MailIn, MailReader } from '#ports/mail-in.ts';

/** Nobody takes anything yet. */
export function mailboxes(): MailIn {
  const readers = new Set<MailReader>();
  return {
    offer: (reader) => {
      readers.add(reader);
      return () => void readers.delete(reader);
    },
    readerOf: (address) => {
      for (const reader of readers) if (reader.owns(address)) return reader;
      return null;
    },
  };
}
