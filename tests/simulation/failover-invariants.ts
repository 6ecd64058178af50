/** What semantics §2 says of failover, after every step. */
import { attemptsUsed } from '#domain/message.ts';
import type { News } from '#domain/transaction.ts';
import type { Invariant } from './invariants.ts';
import { PROVIDERS } from './world.ts';
import type { Moment, World } from './world.ts';

/** Rules of failover by name. */
export const FAILOVER_INVARIANTS: Record<string, Invariant> = {
  'no two providers have one message, unless an answer was lost': ({ truths }) => {
    const doubled = truths.findIndex(({ takers, answerLost }) => takers.size > 1 && !answerLost);
    return doubled === -1 ? null : `message ${doubled} is with ${[...truths[doubled]!.takers].join(' and ')}`;
  },

  'waiting moves no message on that its provider may have': (world, moment) =>
    firstMove(world, moment, (index, from, to) => {
      const { answerLost } = moment.before.messages[index]!.facts;
      return answerLost && moment.news.kind === 'throttled' ? `${from} → ${to}` : null;
    }),

  'a message goes on only when its provider certainly did not take it': (world, moment) =>
    firstMove(world, moment, (index, from, to) => {
      if (startsRound(moment, index)) return null;
      const { news } = moment;
      const failover = failoverOf(news);
      if (!failover || !('message' in news) || news.message !== index) return `${from} → ${to} by ${news.kind}`;
      return failover.from === from && failover.to === to ? null : `${from} → ${to} instead of → ${failover.to}`;
    }),

  'nobody is asked twice before all have refused': (world, moment) =>
    firstMove(world, moment, (index, _, to) => {
      const passed = moment.before.messages[index]!.facts.passed ?? [];
      return passed.includes(to) && !startsRound(moment, index) ? `${to} is asked again` : null;
    }),

  'each round begins with the first': (world, moment) =>
    firstMove(world, moment, (index, from, to) =>
      startsRound(moment, index) && to !== PROVIDERS[0] ? `${from} → ${to}` : null,
    ),

  'failing over is at once, and no retry': (_, { before, news, result: { transaction, effects, entries } }) => {
    const told = entries.filter(({ what }) => what === 'message.failover');
    for (const { message } of told) {
      const [was, is] = [before.messages[message!]!, transaction.messages[message!]!];
      if (!effects.some((effect) => effect.kind === 'send' && effect.message === message)) return 'nothing is sent';
      if (attemptsUsed(was.facts) !== attemptsUsed(is.facts)) return 'an attempt is used up';
      const to = failoverOf(news)?.to;
      if (is.facts.provider !== to) return `${to} is asked, but ${is.facts.provider} is noted`;
    }
    return null;
  },
};

/** The first complaint about a message that goes to another provider than it went to before. */
function firstMove(
  { truths }: World,
  { result: { effects } }: Moment,
  judge: (index: number, from: string, to: string) => string | null,
): string | null {
  for (const effect of effects) {
    if (effect.kind !== 'send') continue;
    const [from, to] = truths[effect.message]!.asked.slice(-2);
    const fault = to === undefined || from === to ? null : judge(effect.message, from!, to);
    if (fault !== null) return `message ${effect.message}: ${fault}`;
  }
  return null;
}

/** Its policy had it wait, and forget who had refused. */
function startsRound({ before }: Moment, index: number): boolean {
  const { state, facts } = before.messages[index]!;
  return state.name === 'queued' && facts.passed === undefined;
}

function failoverOf(news: News) {
  return news.kind === 'rejected' || news.kind === 'throttled' ? news.failover : undefined;
}
