/** Cores that fail over wrongly, each in one way, and the rule that must catch it. */
import { advance } from '#domain/transaction.ts';
import type { Failover, Message, News } from '#domain/transaction.ts';
import { amended, withMessages, wrong } from './planting.ts';
import type { Fault } from './planting.ts';
import { PROVIDERS } from './world.ts';

/** Planted faults by name. */
export const FAILOVER_FAULTS: Record<string, Fault> = {
  'asks another provider after an acceptance': {
    rule: 'no two providers have one message, unless an answer was lost',
    core: () => failsOver('accepted'),
  },
  'asks another provider after a lost answer': {
    rule: 'a message goes on only when its provider certainly did not take it',
    core: () => failsOver('unknown'),
  },
  'forgets that an answer was lost': {
    rule: 'waiting moves no message on that its provider may have',
    core: () =>
      wrong((transaction, news, now) => {
        const forgetful = transaction.messages.map(({ facts: { answerLost: _lost, ...facts }, ...rest }) => {
          return { ...rest, facts };
        });
        return advance(news.kind === 'throttled' ? { ...transaction, messages: forgetful } : transaction, news, now);
      }),
  },
  'asks another provider at a crash': {
    rule: 'a message goes on only when its provider certainly did not take it',
    core: () =>
      amended((result, before, news) =>
        news.kind === 'rescued'
          ? withMessages(result, (message, index) =>
              before.messages[index]!.state.name === 'sending' ? passedOn(message) : message,
            )
          : result,
      ),
  },
  'goes back to who has refused': {
    rule: 'nobody is asked twice before all have refused',
    core: () =>
      amended((result) =>
        result.entries.some(({ what }) => what === 'message.failover')
          ? withMessages(result, (message) =>
              message.facts.passed && message.facts.passed.length > 1
                ? { ...message, facts: { ...message.facts, via: message.facts.passed[0]! } }
                : message,
            )
          : result,
      ),
  },
  'begins the next round where the last one ended': {
    rule: 'each round begins with the first',
    core: () =>
      amended((result, before) =>
        withMessages(result, (message, index) => {
          const { via, passed } = before.messages[index]!.facts;
          const isForgotten = message.state.name === 'queued' && passed && !message.facts.passed;
          return isForgotten && via ? { ...message, facts: { ...message.facts, via: PROVIDERS.at(-1)! } } : message;
        }),
      ),
  },
  'counts a failover as a retry': {
    rule: 'failing over is at once, and no retry',
    core: () =>
      amended((result, before) =>
        withMessages(result, (message, index) => {
          const { failovers } = before.messages[index]!.facts;
          if (message.facts.failovers === failovers) return message;
          const { failovers: _new, ...facts } = message.facts;
          return { ...message, facts: { ...facts, ...(failovers !== undefined && { failovers }) } };
        }),
      ),
  },
  'leaves the provider that refused on the message': {
    rule: 'failing over is at once, and no retry',
    core: () =>
      amended((result) =>
        result.entries.some(({ what }) => what === 'message.failover')
          ? withMessages(result, (message) =>
              message.facts.via
                ? { ...message, facts: { ...message.facts, provider: message.facts.passed!.at(-1)! } }
                : message,
            )
          : result,
      ),
  },
};

/** Takes these answers for refusals that another provider may not share. */
function failsOver(kind: 'accepted' | 'unknown') {
  return wrong((transaction, news, now) => {
    if (news.kind !== kind) return advance(transaction, news, now);
    const { isHook, facts } = transaction.messages[news.message]!;
    const from = facts.via ?? PROVIDERS[0];
    const to = PROVIDERS.find((id) => id !== from && !facts.passed?.includes(id));
    if (isHook || to === undefined) return advance(transaction, news, now);
    const { message, attempt } = news;
    const failover: Failover = { from, to };
    const refused: News = { kind: 'rejected', message, attempt, reason: kind, retryable: true, failover };
    return advance(transaction, refused, now);
  });
}

function passedOn(message: Message): Message {
  const { facts } = message;
  const from = facts.via ?? PROVIDERS[0];
  const to = PROVIDERS.find((id) => id !== from && !facts.passed?.includes(id));
  if (message.isHook || to === undefined) return message;
  return { ...message, facts: { ...facts, passed: [...(facts.passed ?? []), from], via: to } };
}
