/** `type: smtp`: mail through a mail server, and the reports that come back as mail (docs/providers/smtp.md). */
import { createPrivateKey } from 'node:crypto';
import type { ProviderConfig } from '#domain/provider.ts';
import type { MailReader } from '#ports/mail-in.ts';
import { CallbackError } from '#ports/provider.ts';
import type { Callback, OutgoingMessage, Provider, ProviderTools, ProviderType, SendOutcome } from '#ports/provider.ts';
import { marksOf, messageOfAddress } from './bounce-address.ts';
import type { Marks } from './bounce-address.ts';
import { receiptsInMail } from './bounce-receipts.ts';
import { faultOfReading } from './settings.ts';
import { writeLetter } from './smtp-mail.ts';
import type { Stationery, Unwritable } from './smtp-mail.ts';
import { outcomeOfHandover } from './smtp-outcome.ts';
import { smtpSessions } from './smtp-sessions.ts';
import { readSmtpSettings } from './smtp-settings.ts';
import type { SmtpPlan } from './smtp-settings.ts';

/** The word `smtp` of the catalogue. */
export const smtpProvider: ProviderType = {
  type: 'smtp',
  channels: ['email'],
  secrets: ['password', 'dkim.privateKey'],
  // Bounces come by themselves, to whichever node receives mail.
  staysOpen: true,
  faultOf: (settings) => faultOfReading(() => readSmtpSettings(settings)),
  open: (config, tools) => openSmtp(config, readSmtpSettings(config.settings), tools),
};

function openSmtp(config: ProviderConfig, plan: SmtpPlan, tools: ProviderTools): Provider {
  const { clock, log } = tools;
  const marks = marksOf(config);
  const stationery: Stationery = {
    ...plan,
    marks,
    // Read once: it takes as long as signing does.
    dkim: plan.dkim && { ...plan.dkim, privateKey: createPrivateKey(plan.dkim.privateKey) },
  };
  const sessions = smtpSessions(plan, clock);
  const underWay = new Set<Promise<SendOutcome>>();
  const takeBack = tools.mailIn?.offer(mailReader(plan, marks, tools));

  async function send(message: OutgoingMessage): Promise<SendOutcome> {
    const letter = await writeLetter(message, stationery, clock.now());
    if (letter.kind === 'unwritable') return refusalOf(letter);
    return outcomeOfHandover(await sessions.deliver(letter), letter.id, message.to);
  }

  return {
    receiptsByRef: false,
    concurrency: plan.concurrency,
    send: (message) => {
      const sending = send(message).finally(() => underWay.delete(sending));
      underWay.add(sending);
      return sending;
    },
    parseReceipts: ({ raw }: Callback) => receiptsInMail(raw, null, marks, log),
    close: async () => {
      takeBack?.();
      await Promise.allSettled(underWay);
      sessions.close();
    },
  };
}

/** A sender that is none is this provider's fault, too: another may have one of its own. */
function refusalOf({ reason, detail }: Unwritable): SendOutcome {
  return {
    kind: 'rejected',
    reason,
    detail,
    retryable: false,
    ...(reason === 'invalid_sender' && { tryElsewhere: true }),
  };
}

/** Takes mail to the messages' own addresses, and complaints to the one that feedback loops know. */
function mailReader({ bounces, complaints }: SmtpPlan, marks: Marks, { log, receive }: ProviderTools): MailReader {
  const messageOf = (address: string) => (bounces ? messageOfAddress(address, bounces, marks) : null);
  return {
    owns: (address) => address.toLowerCase() === complaints || messageOf(address) !== null,
    take: async (address, beginning) => {
      try {
        await receive(await receiptsInMail(beginning, messageOf(address), marks, log));
      } catch (error) {
        if (!(error instanceof CallbackError)) throw error;
        log.info({ error: error.message }, 'a mail to the bounce address cannot be read; ignored');
      }
    },
  };
}
