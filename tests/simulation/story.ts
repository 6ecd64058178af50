/** A history as people read it. */
import type { StageSetup } from '../support/domain/legs.ts';
import { tellState } from '../support/domain/tell-state.ts';
import { EPOCH } from './setup.ts';
import type { World } from './world.ts';

/** One line for the setup, one for each leg, one for each step. */
export function tellStory({ setup, history }: World): string {
  const { mode, legs, ...rest } = setup;
  const lines = history.map(({ now, news, result }) => {
    const { kind, ...what } = news;
    const effects = result.effects.map((effect) => ('message' in effect ? `send ${effect.message}` : effect.kind));
    return `${String(now - EPOCH).padStart(10)} ms  ${kind} ${JSON.stringify(what)} → ${tellState(result.transaction)} ${effects.join(', ')}`;
  });
  return [`${mode} ${JSON.stringify(rest)}`, ...legs.map(tellLeg), ...lines].join('\n');
}

function tellLeg(stages: StageSetup[], position: number): string {
  return `  leg ${position}: ${stages.map((stage) => JSON.stringify(stage)).join(', ')}`;
}
