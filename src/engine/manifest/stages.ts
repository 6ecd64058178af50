/** The stages of a campaign's journey as a manifest and the API write them, read and written (semantics §12). */
import type { CampaignContent, HookContent, MessageContent, StageContent } from '#domain/campaign.ts';
import type { JsonObject } from '#domain/request.ts';
import { formatDuration } from '#domain/time.ts';
import { readHook } from './hook.ts';
import type { HookDraft } from './hook.ts';
import { MESSAGE_KEYS, messageView, readMessage } from './message.ts';
import type { MessageDraft } from './message.ts';
import { below, blame, durationOf, idOf, listOf, mapOf, refuseUnknown } from './reading.ts';
import type { Place } from './reading.ts';
import { readWhen, whenView } from './when.ts';
import type { StageName } from './when.ts';

/** Stages of one campaign. */
const STAGES_MAX = 50;
/** Messages of one campaign, over all its stages. */
const MESSAGES_MAX = 100;
/** How long a stage may wait. */
const WAIT = { minMs: 100, maxMs: 90 * 86_400_000 };

/** What says of which kind a stage is; a message has none of them. */
const KIND_KEYS = ['messages', 'wait', 'hook'] as const;

/** What a campaign says, and where its parts stand. */
export interface ContentDraft {
  content: CampaignContent;
  messages: MessageDraft[];
  hooks: HookDraft[];
}

/** Reads the stages there. With faults, it has those that could be read: they can be looked at further. */
export function readStages(place: Place): ContentDraft | undefined {
  const places = listOf(place, STAGES_MAX)?.map(mapOf);
  if (!places) return undefined;
  const names = places.map(nameOf);
  refuseTwice(place, places, names);
  const read = places.flatMap((map, position) => (map && readStage(map, position, names)) ?? []);
  const messages = read.flatMap((one) => one.messages);
  if (!names.some(({ kind }) => kind === 'message' || kind === null)) {
    blame(place, 'has no message; give it a stage with a channel, a provider and a body');
  }
  if (messages.length > MESSAGES_MAX) {
    blame(place, `has ${messages.length} messages; at most ${MESSAGES_MAX} are allowed`);
  }
  return contentDraft(
    read.map(({ stage }) => stage),
    messages,
    read.flatMap(({ hook }) => hook ?? []),
  );
}

/** Reads the messages there, which go out on their channels at once: a campaign of one stage. */
export function readMessages(place: Place): ContentDraft | undefined {
  const messages = messagesIn(place);
  return (
    messages && contentDraft([{ kind: 'message', messages: messages.map(({ message }) => message) }], messages, [])
  );
}

/** One message that nothing more is said of is the same wherever it was written. */
function contentDraft(stages: StageContent[], messages: MessageDraft[], hooks: HookDraft[]): ContentDraft {
  const [first, ...others] = stages;
  const isPlain =
    first?.kind === 'message' && first.messages.length === 1 && first.id === undefined && others.length === 0;
  return { content: isPlain ? first.messages[0]! : { stages }, messages, hooks };
}

function nameOf(map: Place<JsonObject> | undefined): StageName {
  if (!map) return { kind: null };
  const id = readId(map);
  return { kind: kindOf(map), ...(id !== undefined && { id }) };
}

function kindOf({ value }: Place<JsonObject>): StageContent['kind'] {
  if (Object.hasOwn(value, 'wait')) return 'wait';
  return Object.hasOwn(value, 'hook') ? 'hook' : 'message';
}

function readId(map: Place<JsonObject>): string | undefined {
  const place = below(map, 'id');
  const id = idOf(place);
  if (id === undefined || !/^\d+$/.test(id)) return id;
  return blame(place, `"${id}" could be taken for a position; begin it with a letter`);
}

function refuseTwice(list: Place, places: readonly (Place | undefined)[], names: readonly StageName[]): void {
  names.forEach(({ id }, position) => {
    const earlier = names.findIndex((one) => one.id === id);
    if (id === undefined || earlier === position) return;
    const at = { ...list, path: [...places[position]!.path, 'id'] };
    blame(at, `"${id}" is the id of stage ${earlier} already; give each its own`);
  });
}

interface StageDraft {
  stage: StageContent;
  messages: MessageDraft[];
  hook?: HookDraft;
}

function readStage(map: Place<JsonObject>, position: number, names: readonly StageName[]): StageDraft | undefined {
  const id = names[position]!.id;
  const when = readWhen(below(map, 'when'), position, names);
  const common = { ...(id !== undefined && { id }), ...(when && { when }) };
  const kind = KIND_KEYS.find((key) => Object.hasOwn(map.value, key));
  refuseOthers(map, kind);
  switch (kind) {
    case 'wait': {
      const waitMs = durationOf(below(map, 'wait'), WAIT);
      return waitMs === undefined ? undefined : { stage: { ...common, kind, waitMs }, messages: [] };
    }
    case 'hook': {
      const hook = readHook(below(map, 'hook'), id);
      return hook && { stage: { ...common, kind, hook: hook.hook }, messages: [], hook };
    }
    case 'messages': {
      const messages = messagesIn(below(map, 'messages'));
      return messages && { stage: { ...common, kind: 'message', messages: messages.map(contentOf) }, messages };
    }
    case undefined: {
      const message = readMessage(map);
      return message && { stage: { ...common, kind: 'message', messages: [message.message] }, messages: [message] };
    }
  }
}

function contentOf({ message }: MessageDraft): MessageContent {
  return message;
}

/** A stage is one thing: what belongs to another one is told so. */
function refuseOthers(map: Place<JsonObject>, kind: (typeof KIND_KEYS)[number] | undefined): void {
  if (kind === undefined) return refuseUnknown(map, ['id', 'when', ...MESSAGE_KEYS, ...KIND_KEYS]);
  const others = [...MESSAGE_KEYS, ...KIND_KEYS].filter((key) => key !== kind && Object.hasOwn(map.value, key));
  for (const key of others) blame(below(map, key), `stands beside "${kind}"; make it a stage of its own`);
  refuseUnknown(map, ['id', 'when', kind, ...others]);
}

function messagesIn(place: Place): MessageDraft[] | undefined {
  const places = listOf(place, MESSAGES_MAX);
  if (!places) return undefined;
  if (places.length === 0) return blame(place, 'is empty; give it a message with a channel, a provider and a body');
  const drafts = places.flatMap((one) => {
    const map = mapOf(one);
    if (map) refuseUnknown(map, MESSAGE_KEYS);
    return (map && readMessage(map)) ?? [];
  });
  for (const [index, { path, message }] of drafts.entries()) {
    const earlier = drafts.findIndex((one) => one.message.channel === message.channel);
    if (earlier === index) continue;
    const at = { ...place, path: [...path, 'channel'] };
    blame(at, `"${message.channel}" has a message here already; write the second one as a stage of its own`);
  }
  return drafts.length === 0 ? undefined : drafts;
}

/** What a campaign says as a manifest writes it. @param viewHook with or without what is secret. */
export function contentView(content: CampaignContent, viewHook: (hook: HookContent) => JsonObject): JsonObject {
  if (!('stages' in content)) return messageView(content);
  const { stages } = content;
  const [first] = stages;
  if (first?.kind === 'message' && stages.length === 1 && first.id === undefined) {
    return { messages: first.messages.map(messageView) };
  }
  return {
    stages: stages.map((stage, position) => ({
      ...(stage.id !== undefined && { id: stage.id }),
      ...(stage.when && { when: whenView(stage.when, position, stages) }),
      ...stageView(stage, viewHook),
    })),
  };
}

function stageView(stage: StageContent, viewHook: (hook: HookContent) => JsonObject): JsonObject {
  switch (stage.kind) {
    case 'message':
      return stage.messages.length === 1
        ? messageView(stage.messages[0]!)
        : { messages: stage.messages.map(messageView) };
    case 'wait':
      return { wait: formatDuration(stage.waitMs) };
    case 'hook':
      return { hook: viewHook(stage.hook) };
  }
}
