/** `type: smpp`: SMS over SMPP 3.4 (docs/providers/smpp.md). It stays open: receipts come over the connection. */
import type { ProviderConfig } from '#domain/provider.ts';
import { CallbackError } from '#ports/provider.ts';
import type { OutgoingMessage, Provider, ProviderTools, ProviderType, SendOutcome } from '#ports/provider.ts';
import { faultOfReading } from './settings.ts';
import { refOfAnswer } from './smpp-ids.ts';
import { keepBound } from './smpp-link.ts';
import type { Link } from './smpp-link.ts';
import type { Fields, Pdu } from './smpp-pdu.ts';
import { readDelivered } from './smpp-receipts.ts';
import type { Session, Submitted } from './smpp-session.ts';
import { readSmpp } from './smpp-settings.ts';
import type { SmppSettings } from './smpp-settings.ts';
import { STATUS, outcomeOfStatus } from './smpp-status.ts';
import { referenceOf, submissionsOf } from './smpp-submit.ts';

/** The word `smpp` of the catalogue. */
export const smppProvider: ProviderType = {
  type: 'smpp',
  channels: ['sms'],
  secrets: ['password'],
  staysOpen: true,
  reports: true,
  faultOf: (settings) => faultOfReading(() => readSmpp(settings)),
  open: (config, tools) => new Smpp(config, tools),
};

class Smpp implements Provider {
  readonly receiptsByRef: boolean;
  readonly concurrency: number;
  /** For the log. */
  readonly #whose: { accountId: string; provider: string };
  readonly #settings: SmppSettings;
  readonly #tools: ProviderTools;
  /** All of them; the first is the one that sends. */
  readonly #links: [Link, ...Link[]];
  readonly #underWay = new Set<Promise<SendOutcome>>();
  #closing: Promise<void> | null = null;

  constructor(config: ProviderConfig, tools: ProviderTools) {
    const settings = readSmpp(config.settings);
    this.#whose = { accountId: config.accountId, provider: config.id };
    this.#settings = settings;
    this.#tools = tools;
    this.receiptsByRef = config.receipts === 'callback';
    this.concurrency = settings.bind.window;
    const session = { clock: tools.clock, log: tools.log, take: (pdu: Pdu) => this.#take(pdu) };
    const keep = (kind: Parameters<typeof keepBound>[1]) => keepBound(settings.bind, kind, this.#whose, session);
    this.#links = settings.isSplit ? [keep('transmitter'), keep('receiver')] : [keep('transceiver')];
  }

  async send(message: OutgoingMessage): Promise<SendOutcome> {
    const sending = this.#submitAll(message);
    this.#underWay.add(sending);
    try {
      return await sending;
    } finally {
      this.#underWay.delete(sending);
    }
  }

  async parseReceipts(): Promise<never> {
    throw new CallbackError('an smpp provider gets its receipts over its own connection; nothing calls this address');
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#closeNow());
  }

  async #closeNow(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await Promise.all(this.#links.map((link) => link.close()));
  }

  /** One part after the other: behind one that is not taken, none is of use. The last one's reference is the message's. */
  async #submitAll(message: OutgoingMessage): Promise<SendOutcome> {
    const parts = submissionsOf(message, this.#settings.submit, this.receiptsByRef);
    if (!Array.isArray(parts)) return parts;
    let ref: string | null = null;
    for (const part of parts) {
      const session = await this.#links[0].session();
      if (!('submit' in session)) return session;
      const submitted = await session.submit(this.#withReference(part, message, session));
      if (submitted.kind !== 'answered' || submitted.status !== STATUS.ok) return this.#outcomeOf(submitted);
      ref = refOfAnswer(submitted.id, this.#settings.messageIds);
    }
    return { kind: 'accepted', ref };
  }

  /** Peers that do not know optional fields may refuse what has them. */
  #withReference(part: Fields, { messageId }: OutgoingMessage, { knowsOptionalFields }: Session): Fields {
    if (!this.#settings.submit.userReference || !knowsOptionalFields) return part;
    return { ...part, user_message_reference: referenceOf(messageId) };
  }

  #outcomeOf(submitted: Submitted): SendOutcome {
    switch (submitted.kind) {
      case 'unsent':
        return { kind: 'rejected', reason: 'connection_failed', detail: submitted.detail, retryable: true };
      case 'lost':
        return { kind: 'unknown', reason: submitted.reason };
      case 'answered':
        return outcomeOfStatus(submitted.status, this.#settings.statuses, this.#settings.throttlePauseMs);
    }
  }

  /** Never rejects. The peer is told that all is well only once the receipt is durable; else it comes again. */
  async #take(pdu: Pdu): Promise<number> {
    const { log } = this.#tools;
    const read = readDelivered(pdu, this.#settings.messageIds, this.#settings.unmarkedReceipts);
    if (read.kind === 'message') log.info(this.#whose, 'a message from a phone came; ignored');
    if (read.kind === 'foreign')
      log.info({ ...this.#whose, state: read.state }, 'a receipt says nothing that is known; ignored');
    if (read.kind !== 'receipt') return STATUS.ok;
    try {
      await this.#tools.receive([read.receipt]);
      return STATUS.ok;
    } catch (error) {
      log.warn({ ...this.#whose, error }, 'a receipt could not be taken; the message centre is told to come again');
      return STATUS.temporary;
    }
  }
}
