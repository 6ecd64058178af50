/** What a handover by SMTP came to, in our words. */
import { unreachable } from '#domain/unreachable.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { faultOf, wordsOf } from './mail-status.ts';
import type { MailFault, MailReason, MailStatus } from './mail-status.ts';
import type { Handover, Step } from './smtp-session.ts';

/** How long to leave a server alone that says we are too fast, in ms: SMTP has no word for it. */
const THROTTLE_MS = 5_000;
/** The same where the quota of an hour or a day is used up. */
const QUOTA_MS = 600_000;
const QUOTA = /\b(?:daily|hourly|per (?:day|hour)|24[ -]hours?)\b/i;

/** Refusals that are about this provider, or what it will not carry: another one may take the message. */
const ELSEWHERE: readonly MailReason[] = [
  'unauthorized',
  'blocked',
  'invalid_sender',
  'protocol_error',
  'provider_error',
  'too_large',
  'refused',
];

/** @param id the mail's Message-ID. @param to the address it was for. */
export function outcomeOfHandover(handover: Handover, id: string, to: string): SendOutcome {
  switch (handover.kind) {
    case 'taken':
      return { kind: 'accepted', ref: handover.serverMessageId ?? id };
    case 'refused':
      return outcomeOfRefusal(handover.step, handover.status, to);
    case 'too_large':
      return { kind: 'rejected', reason: 'too_large', detail: handover.detail, retryable: false, tryElsewhere: true };
    case 'not_sent':
      return { kind: 'rejected', reason: 'connection_failed', detail: handover.detail, retryable: true };
    case 'lost':
      return { kind: 'unknown', reason: handover.reason };
    default:
      return unreachable(handover);
  }
}

function outcomeOfRefusal(step: Step, status: MailStatus, to: string): SendOutcome {
  const { reason, isDead } = faultAt(step, status);
  if (reason === 'throttled')
    return { kind: 'throttled', retryAfterMs: QUOTA.test(status.text) ? QUOTA_MS : THROTTLE_MS };
  const retryable = isTransient(status);
  const isOurs = step !== 'recipient' && step !== 'message';
  return {
    kind: 'rejected',
    reason,
    detail: wordsOf(status),
    retryable,
    ...(!retryable && (isOurs || ELSEWHERE.includes(reason)) && { tryElsewhere: true }),
    ...(isDead && !isOurs && { gone: [to] }),
  };
}

/** At the steps before the recipient nothing can be his fault, whatever the code says. */
function faultAt(step: Step, status: MailStatus): MailFault {
  const fault = faultOf(status);
  // Too fast for good is no pace: the server has had enough of us.
  const reason = fault.reason === 'throttled' && !isTransient(status) ? 'blocked' : fault.reason;
  if (step === 'recipient' || step === 'message' || reason === 'throttled') return { ...fault, reason };
  if (step === 'login') return { reason: isTransient(status) ? 'provider_error' : 'unauthorized', isDead: false };
  const isAboutUs = ['unauthorized', 'blocked', 'too_large', 'mailbox_full'].includes(reason);
  if (step === 'sender' && !isTransient(status)) {
    const isSize = reason === 'mailbox_full' || reason === 'too_large';
    return { reason: isSize ? 'too_large' : isAboutUs ? reason : 'invalid_sender', isDead: false };
  }
  return { reason: isAboutUs && reason !== 'mailbox_full' ? reason : 'provider_error', isDead: false };
}

function isTransient({ code, enhanced }: MailStatus): boolean {
  return code === null ? (enhanced?.startsWith('4') ?? false) : code < 500;
}
