/** `when` of a stage: what it asks of an earlier one (semantics §12). */
import { CONDITIONS } from '#domain/campaign.ts';
import type { StageContent, When } from '#domain/campaign.ts';
import type { Json } from '#domain/request.ts';
import { didYouMean } from './closest.ts';
import { below, blame, idOf, isMap, refuseUnknown, required, wordOf } from './reading.ts';
import type { Place } from './reading.ts';

/** What of a stage others can ask for. `kind` is null where it cannot be read. */
export interface StageName {
  kind: StageContent['kind'] | null;
  id?: string;
}

/**
 * Reads the condition there: a word, about the nearest message stage before; or a map that names the stage by its id or its
 * position.
 */
export function readWhen(place: Place, position: number, stages: readonly StageName[]): When | undefined {
  const { value } = place;
  if (value === undefined) return undefined;
  const nearest = nearestMessage(stages, position);
  if (nearest === -1) return blame(place, 'has no message before it that it could be about; take it away');
  if (!isMap(value)) {
    const is = wordOf(place, CONDITIONS);
    return is && { stage: nearest, is };
  }
  const map = { ...place, value };
  refuseUnknown(map, ['stage', 'is']);
  const is = wordOf(required(below(map, 'is'), `use one of ${CONDITIONS.join(', ')}`), CONDITIONS);
  const stage = readStageName(
    required(below(map, 'stage'), 'give the id or the position of a stage'),
    position,
    stages,
  );
  return is === undefined || stage === undefined ? undefined : { stage, is };
}

/** The position of the last message stage before this one; -1 where there is none. */
function nearestMessage(stages: readonly StageName[], position: number): number {
  return stages.slice(0, position).findLastIndex(({ kind }) => kind === 'message' || kind === null);
}

function readStageName(place: Place, position: number, stages: readonly StageName[]): number | undefined {
  const found = typeof place.value === 'number' ? place.value : positionOf(place, stages);
  if (found === undefined) return undefined;
  const last = stages.length - 1;
  if (stages[found] === undefined) return blame(place, `there is no stage ${found}; the stages are 0 to ${last}`);
  if (found === position) return blame(place, 'is circular: it names its own stage; name an earlier one');
  if (found > position) {
    return blame(place, `is circular: it names stage ${found}, whose turn comes later; name an earlier one`);
  }
  const { kind } = stages[found];
  if (kind === 'message' || kind === null) return found;
  return blame(place, `names stage ${found}, a ${kind}, which nobody gets; name a stage with a message`);
}

function positionOf(place: Place, stages: readonly StageName[]): number | undefined {
  const id = idOf(place);
  if (id === undefined) return undefined;
  const position = stages.findIndex((one) => one.id === id);
  if (position !== -1) return position;
  const ids = stages.flatMap((one) => one.id ?? []);
  const remedy =
    ids.length === 0 ? 'give the stage an id, or name it by its position, 0 for the first' : didYouMean(id, ids);
  return blame(place, `"${id}" is the id of no stage; ${remedy}`);
}

/** The condition as a manifest writes it, in the shortest way. */
export function whenView({ stage, is }: When, position: number, stages: readonly StageName[]): Json {
  if (nearestMessage(stages, position) === stage) return is;
  return { stage: stages[stage]?.id ?? stage, is };
}
