/**
 * The HTTP call of a journey as a manifest and the API write it, read and written. What stands in its headers, or as
 * its password, may be a credential: it is taken in, and never shown again.
 */
import { stagesOf } from '#domain/campaign.ts';
import type { CampaignContent, HookContent } from '#domain/campaign.ts';
import type { JsonObject } from '#domain/request.ts';
import type { HookCaller } from '#ports/hook.ts';
import type { Faults, Path } from './faults.ts';
import { keysOf } from './provider.ts';
import { below, mapOf } from './reading.ts';
import type { Place } from './reading.ts';
import { retryOf, retryView } from './retry.ts';
import { withSecrets, withoutSecrets } from './secrets.ts';

/** Below a hook's request. */
export const HOOK_SECRETS = ['headers.*', 'basicAuth.password'];

/** A hook that was read, and where; `id`: its stage's. Its request is not checked yet. */
export interface HookDraft {
  path: Path;
  id: string | undefined;
  hook: HookContent;
}

/** Reads the hook there. */
export function readHook(place: Place, id: string | undefined): HookDraft | undefined {
  const map = mapOf(place);
  if (!map) return undefined;
  const retry = retryOf(below(map, 'retry'));
  const own = Object.entries(map.value).filter(([key]) => key !== 'retry');
  // In the form that the database gives back: -0 as 0, nothing undefined.
  const request = JSON.parse(JSON.stringify(Object.fromEntries(own))) as JsonObject;
  return { path: place.path, id, hook: { request, ...(retry && { retry }) } };
}

/** Adds the fault that the caller of hooks finds in each of them. */
export function refuseBadHooks(drafts: readonly HookDraft[], hooks: Pick<HookCaller, 'faultOf'>, faults: Faults): void {
  for (const { path, hook } of drafts) {
    const fault = hooks.faultOf(hook.request);
    if (fault) faults.add([...path, ...keysOf(hook.request, fault.path)], fault.message);
  }
}

/**
 * The content with the stored value in the place of each header that is given as it is shown: that of the hook with the
 * same id, or else the same url. Not by position: a header would go to somebody whom it is not for.
 */
export function withKeptHeaders(
  { content, hooks }: { content: CampaignContent; hooks: readonly HookDraft[] },
  stored: CampaignContent | undefined,
  faults: Faults,
): CampaignContent {
  if (hooks.length === 0 || !('stages' in content)) return content;
  const known = stored ? stagesOf(stored).flatMap((one) => (one.kind === 'hook' ? [one] : [])) : [];
  const kept = new Map(
    hooks.map(({ path, id, hook }) => {
      const same =
        (id === undefined ? undefined : known.find((one) => one.id === id)) ??
        known.find((one) => one.hook.request['url'] === hook.request['url']);
      const settings = { value: hook.request, path, faults };
      return [hook, { ...hook, request: withSecrets(settings, same?.hook.request ?? null, HOOK_SECRETS) }];
    }),
  );
  return {
    stages: content.stages.map((one) => (one.kind === 'hook' ? { ...one, hook: kept.get(one.hook)! } : one)),
  };
}

/** A hook as a manifest writes it, without what stands in its headers. */
export function hookView({ request, retry }: HookContent): JsonObject {
  return { ...withoutSecrets(request, HOOK_SECRETS), ...(retry && { retry: retryView(retry) }) };
}

/** The same with its headers: to compare, never to show. */
export function hookWithSecrets({ request, retry }: HookContent): JsonObject {
  return { ...request, ...(retry && { retry: retryView(retry) }) };
}
