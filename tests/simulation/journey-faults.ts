/** Faults in what semantics §12 says of journeys, and in what hooks, software and unsubscriptions do. */
import { advance } from '#domain/transaction.ts';
import type { News, Stage, Transaction } from '#domain/transaction.ts';
import { amended, disguised, ended, nothing, withMessages, withPolicy, withStages, wrong } from './planting.ts';
import type { Fault } from './planting.ts';
import type { Core } from './world.ts';

/** Decides as if the stages said something else. */
function withOtherStages(change: (stage: Stage) => Stage): Core {
  return disguised(
    (transaction) => ({
      ...transaction,
      legs: transaction.legs.map((leg) => (leg.stages ? { ...leg, stages: leg.stages.map(change) } : leg)),
    }),
    (from, to) => ({
      ...to,
      legs: to.legs.map((leg, position) => {
        if (!leg.stages) return leg;
        const said = from.legs[position]!.stages!;
        return { ...leg, stages: leg.stages.map(({ state }, at) => ({ ...said[at]!, state })) };
      }),
    }),
  );
}

const isWaiting = ({ legs }: Transaction) => {
  return legs.some(({ stages }) => stages?.some(({ state }) => state.name === 'waiting'));
};
const hasLanded = ({ legs }: Transaction) => legs.some((leg) => leg.hasLanded);
const aboutHook = (news: News, { messages }: Transaction) => {
  return 'message' in news && messages[news.message]!.isHook === true;
};
/** The first message of the leg's first stage of messages, when the news are about a later one. */
const leadInstead = (news: News, { messages }: Transaction): number | null => {
  if (!('message' in news)) return null;
  const { leg, stage, isHook } = messages[news.message]!;
  const lead = messages.findIndex((message) => message.leg === leg && !message.isHook);
  return isHook || messages[lead]!.stage === stage ? null : lead;
};

export const JOURNEY_FAULTS: Record<string, Fault> = {
  'starts all stages at once': {
    rule: 'stages run in order, one at a time',
    core: () =>
      amended((result, before) =>
        before.status.name === 'scheduled' && result.changed
          ? withStages(result, (stage) => ({ ...stage, state: { name: 'running' } }))
          : result,
      ),
  },
  'runs a stage a second time': {
    rule: 'stages run in order, one at a time',
    core: () =>
      amended((result, _, news) =>
        news.kind === 'rescued'
          ? withStages(result, (stage) =>
              stage.kind === 'hook' && stage.state.name === 'done' ? { ...stage, state: { name: 'running' } } : stage,
            )
          : result,
      ),
  },
  'forgets that a stage is done': {
    rule: 'a stage is what its messages are',
    core: () =>
      amended((result) =>
        withStages(result, (stage) =>
          stage.kind === 'message' && stage.state.name === 'done' ? { ...stage, state: { name: 'running' } } : stage,
        ),
      ),
  },
  'sends one message of a stage': {
    rule: 'a stage is what its messages are',
    core: () =>
      amended((result, before) =>
        withMessages(result, (message, index) => {
          const was = before.messages[index]!;
          const isSecond = before.messages[index - 1]?.stage === message.stage;
          return isSecond && was.state.name === 'pending' && message.state.name === 'sending' ? was : message;
        }),
      ),
  },
  'forgets to hand the second message over': {
    rule: 'what is sent is stored as sent',
    core: () =>
      amended((result) => {
        const first = result.effects.findIndex(({ kind }) => kind === 'send');
        return {
          ...result,
          effects: result.effects.filter((effect, index) => effect.kind !== 'send' || index === first),
        };
      }),
  },
  'asks for no condition': {
    rule: 'a stage is run or skipped as its condition says',
    core: () => withOtherStages(({ when: _when, ...stage }) => stage),
  },
  'takes a click for a delivery': {
    rule: 'a stage is run or skipped as its condition says',
    core: () =>
      withOtherStages((stage) => {
        return stage.when?.is === 'clicked' ? { ...stage, when: { ...stage.when, is: 'delivered' } } : stage;
      }),
  },
  'asks the stage before instead of the one named': {
    rule: 'a stage is run or skipped as its condition says',
    core: () =>
      withOtherStages((stage) => {
        return stage.when ? { ...stage, when: { ...stage.when, stage: stage.when.stage + 1 } } : stage;
      }),
  },
  'does not wait': {
    rule: 'a wait lasts as long as it says',
    core: () => withOtherStages((stage) => (stage.kind === 'wait' ? { ...stage, waitMs: 0 } : stage)),
  },
  'waits for twice as long': {
    rule: 'a wait lasts as long as it says',
    core: () => withOtherStages((stage) => (stage.kind === 'wait' ? { ...stage, waitMs: 2 * stage.waitMs } : stage)),
  },
  'waits anew after a crash': {
    rule: 'a wait lasts as long as it says',
    core: () =>
      wrong((t, news, now) => {
        const result = advance(t, news, now);
        if (news.kind !== 'rescued') return result;
        return withStages(result, (stage) => {
          const isAnew = stage.kind === 'wait' && stage.state.name === 'waiting';
          return isAnew ? { ...stage, state: { name: 'waiting', until: now + stage.waitMs } } : stage;
        });
      }),
  },
  'stops after a hook that failed': {
    rule: 'a stage begins as soon as its turn has come',
    core: () =>
      amended((result, before, news) => {
        if (news.kind !== 'rejected' || !aboutHook(news, before)) return result;
        const after = before.messages[news.message]!.stage;
        const { leg } = before.messages[news.message]!;
        return withStages(result, (stage, position, at) => {
          return position === leg && at > after ? before.legs[leg]!.stages![at]! : stage;
        });
      }),
  },
  'wakes for no wait': {
    rule: 'a stage begins as soon as its turn has come',
    core: () => wrong((t, news, now) => (news.kind === 'timer' && isWaiting(t) ? nothing(t) : advance(t, news, now))),
  },
  'leaves a failed leg its stages': {
    rule: 'a leg that failed goes no further',
    core: () =>
      amended((result) =>
        withStages(result, (stage) => {
          const isLeft = stage.state.name === 'skipped' && stage.state.reason === 'condition_false' && !stage.when;
          return isLeft ? { ...stage, state: { name: 'pending' } } : stage;
        }),
      ),
  },
  'stops with the leg that failed': {
    rule: 'a leg that failed goes no further',
    core: () =>
      wrong((t, news, now) => {
        const result = advance(t, news, now);
        const isNext = ({ what, leg }: { what: string; leg: number | null }) => what === 'leg.triggered' && leg !== 0;
        if (t.mode === 'all' || !result.entries.some(isNext)) return result;
        const messages = result.transaction.messages.map((message, index) => {
          return message.leg === 0 ? message : t.messages[index]!;
        });
        return {
          ...result,
          transaction: { ...result.transaction, messages, legs: [result.transaction.legs[0]!, ...t.legs.slice(1)] },
        };
      }),
  },
  'forgets that a leg landed': {
    rule: 'the leg that landed goes on, the others do not',
    core: () =>
      amended((result) => ({
        ...result,
        transaction: {
          ...result.transaction,
          legs: result.transaction.legs.map(({ hasLanded: _hasLanded, ...leg }) => leg),
        },
      })),
  },
  'goes on with the other legs too': {
    rule: 'the leg that landed goes on, the others do not',
    core: () =>
      amended((result) =>
        result.transaction.status.name === 'running'
          ? withMessages(result, (message) =>
              message.state.name === 'skipped' && message.state.reason === 'chain_succeeded'
                ? { ...message, state: { name: 'queued', notBefore: 0 } }
                : message,
            )
          : result,
      ),
  },
  'lands with every leg that is delivered': {
    rule: 'the leg that landed goes on, the others do not',
    core: () =>
      amended((result, before, news) => {
        if (news.kind !== 'receipt' || before.mode === 'all' || !hasLanded(before)) return result;
        const { leg } = before.messages[news.message]!;
        const legs = result.transaction.legs.map((one, position) => {
          return position === leg ? { ...one, hasLanded: true as const } : one;
        });
        return { ...result, transaction: { ...result.transaction, legs } };
      }),
  },
  'expires though it landed': {
    rule: 'the leg that landed goes on, the others do not',
    core: () =>
      wrong((t, news, now) => {
        const result = advance(t, news, now);
        const isCut = news.kind === 'timer' && t.deadline !== null && now >= t.deadline;
        return isCut && hasLanded(t) && t.status.name === 'running' ? ended(result, 'expired', now) : result;
      }),
  },
  'ends as soon as it has landed': {
    rule: 'each end has its reason',
    core: () =>
      wrong((t, news, now) => {
        const result = advance(t, news, now);
        const { transaction } = result;
        return hasLanded(transaction) && transaction.status.name === 'running'
          ? ended(result, 'succeeded', now)
          : result;
      }),
  },
  'expires with a message on its way': {
    rule: 'each end has its reason',
    core: () =>
      wrong((t, news, now) => {
        const result = advance(t, news, now);
        const isPast = t.deadline !== null && now >= t.deadline && news.kind === 'timer';
        return isPast && result.transaction.status.name === 'running' ? ended(result, 'expired', now) : result;
      }),
  },
  'fails with its hook': {
    rule: 'what follows the first messages decides nothing',
    core: () =>
      wrong((t, news, now) => {
        const result = advance(t, news, now);
        const isLost = news.kind === 'rejected' && aboutHook(news, t) && t.mode !== 'all';
        return isLost && t.status.name === 'running' ? ended(result, 'failed', now) : result;
      }),
  },
  'takes a later delivery for the first': {
    rule: 'what follows the first messages decides nothing',
    core: () =>
      wrong((t, news, now) => {
        const lead = news.kind === 'receipt' && news.status !== 'undelivered' ? leadInstead(news, t) : null;
        return advance(t, lead === null ? news : ({ ...news, message: lead } as News), now);
      }),
  },
  'calls a hook once': {
    rule: 'a hook is called as often as its own policy says',
    core: () =>
      withPolicy(({ policy, isHook }) => (isHook ? { ...policy, retry: { attempts: 1, backoffMs: [] } } : policy)),
  },
  'believes what is reported of a hook': {
    rule: 'nobody tells of a hook but its answer',
    core: () =>
      amended((result, before, news) =>
        news.kind === 'receipt' && aboutHook(news, before)
          ? withMessages(result, (message, index) =>
              index === news.message ? { ...message, state: { name: 'delivered' } } : message,
            )
          : result,
      ),
  },
  'says that it was cancelled when it succeeded': {
    rule: 'each skip has its reason',
    core: () =>
      amended((result) =>
        withMessages(result, (message) =>
          message.state.name === 'skipped' && message.state.reason === 'chain_succeeded'
            ? { ...message, state: { name: 'skipped', reason: 'cancelled' } }
            : message,
        ),
      ),
  },
  'says that a stage’s time was up when it was cancelled': {
    rule: 'each skip has its reason',
    core: () =>
      amended((result) =>
        withStages(result, (stage) =>
          stage.state.name === 'skipped' && stage.state.reason === 'cancelled'
            ? { ...stage, state: { name: 'skipped', reason: 'ttl_expired' } }
            : stage,
        ),
      ),
  },
  'lets a wait outlast the TTL': {
    rule: 'the TTL stops whatever waits',
    core: () =>
      disguised(
        (t) => (isWaiting(t) ? { ...t, deadline: null } : t),
        ({ deadline }, to) => ({ ...to, deadline }),
      ),
  },
  'is not to be cancelled while it waits': {
    rule: 'a cancel stops whatever waits',
    core: () =>
      wrong((t, news, now) => (news.kind === 'cancelled' && isWaiting(t) ? nothing(t) : advance(t, news, now))),
  },
  'takes software for the user': {
    rule: 'software decides nothing',
    core: () =>
      wrong((t, news, now) => advance(t, news.kind === 'machine_receipt' ? { ...news, kind: 'receipt' } : news, now)),
  },
  'is deaf to those who unsubscribe': {
    rule: 'who unsubscribed has read',
    core: () =>
      wrong((t, news, now) => {
        const isIt = news.kind === 'receipt' && news.status === 'unsubscribed';
        return advance(t, isIt ? { ...news, status: 'delivered' } : news, now);
      }),
  },
};
