/** The life cycle of a campaign (semantics §0). */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { CAMPAIGN_STATES, afterVerb, mayBecome } from './campaign.ts';
import type { CampaignState, CampaignVerb } from './campaign.ts';

describe('a campaign’s life', () => {
  const VERBS: Record<CampaignVerb, (CampaignState | null)[]> = {
    // from            draft    running    paused    ended
    start: ['running', 'running', 'running', null],
    pause: [null, 'paused', 'paused', null],
    end: ['ended', 'ended', 'ended', 'ended'],
  };
  for (const [verb, states] of Object.entries(VERBS) as [CampaignVerb, (CampaignState | null)[]][]) {
    test(verb, () =>
      assert.deepEqual(
        CAMPAIGN_STATES.map((from) => afterVerb(from, verb)),
        states,
      ),
    );
  }

  const NAMED: Record<CampaignState, CampaignState[]> = {
    draft: ['draft', 'running', 'paused', 'ended'],
    running: ['running', 'paused', 'ended'],
    paused: ['running', 'paused', 'ended'],
    ended: ['ended'],
  };
  for (const from of CAMPAIGN_STATES) {
    test(`${from} may become ${NAMED[from].join(', ')}`, () => {
      assert.deepEqual(
        CAMPAIGN_STATES.filter((to) => mayBecome(from, to)),
        NAMED[from],
      );
    });
  }
});
