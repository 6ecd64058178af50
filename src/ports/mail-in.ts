/** Mail that comes in: who takes it, whatever receives it. */

/** Whoever gave addresses out and wants the mail to them. */
export interface MailReader {
  /** True for an address that was given out here. Cheap: asked before any of the mail is sent. */
  owns(address: string): boolean;
  /**
   * Resolves when what the mail reports is durable; one that reports nothing is taken as well.
   * @param beginning its first bytes (RFC 5322), as they came: reports stand at the beginning.
   * @throws {StoreUnavailableError} {@link OverloadedError} when it has to come again.
   */
  take(address: string, beginning: Buffer): Promise<void>;
}

/** Where addresses are offered to the mail server of this node, if it runs one. */
export interface MailIn {
  /** @returns takes the offer back. */
  offer(reader: MailReader): () => void;
  /** Whose address this is; null: nobody's. */
  readerOf(address: string): MailReader | null;
}
