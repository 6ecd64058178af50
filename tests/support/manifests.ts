/** Manifests to start from, and what applies them, for tests of the configuration. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { messagesOf } from '#domain/campaign.ts';
import type { CampaignContent, MessageContent } from '#domain/campaign.ts';
import { configCache } from '#engine/config-cache.ts';
import type { ConfigCache } from '#engine/config-cache.ts';
import { applyManifest } from '#engine/manifest/apply.ts';
import type { AdminTools, ManifestOutcome } from '#engine/manifest/apply.ts';
import type { FieldChange } from '#engine/manifest/changes.ts';
import type { Fault } from '#engine/manifest/faults.ts';
import { PROVIDER_TYPES } from '#providers/catalog.ts';
import { webhookSender } from '#outbound/webhook-sender.ts';
import { hookCaller } from '#providers/hook.ts';
import { createTwigTemplates } from '#templates/twig.ts';
import { parse } from 'yaml';
import { memoryConfigStore } from './memory-config-store.ts';
import { memoryFileStore } from './memory-file-store.ts';
import type { MemoryConfigStore } from './memory-config-store.ts';
import { testTools } from './provider-tools.ts';

/** One node with its configuration in memory. */
export interface ConfiguredNode {
  store: MemoryConfigStore;
  config: ConfigCache;
  tools: AdminTools;
  apply(manifest: unknown, options?: { dryRun?: boolean; prune?: boolean }): Promise<ManifestOutcome>;
}

/** A node on a store of its own, or on the one of other nodes. */
export function configuredNode(store: MemoryConfigStore = memoryConfigStore()): ConfiguredNode {
  const config = configCache(store);
  const templates = createTwigTemplates();
  const hooks = hookCaller({ ...testTools(), templates });
  const { clock } = testTools();
  const tools = { config, templates, providerTypes: PROVIDER_TYPES, hooks, files: memoryFileStore(), clock };
  const sender = webhookSender(testTools().clock, 'test');
  return {
    store,
    config,
    tools,
    apply: (manifest, options) =>
      applyManifest({ ...tools, sender }, manifest, { dryRun: false, prune: false, ...options }),
  };
}

/** A node with {@link manifest} applied. */
export async function configured(): Promise<ConfiguredNode> {
  const node = configuredNode();
  assert.equal((await node.apply(manifest())).kind, 'applied');
  return node;
}

/** What an outcome changes, as `create campaign ~sms`. */
export function changesOf(outcome: ManifestOutcome): string[] {
  assert.notEqual(outcome.kind, 'refused', JSON.stringify(outcome));
  return outcome.kind === 'refused' ? [] : outcome.changes.map(({ action, kind, id }) => `${action} ${kind} ${id}`);
}

/** The fields that an outcome changes. */
export function fieldsOf(outcome: ManifestOutcome): FieldChange[] {
  return outcome.kind === 'refused' ? [] : outcome.changes.flatMap(({ fields }) => fields);
}

/** The faults of an outcome, as `campaigns.0.body: is missing`. */
export function faultsOf(outcome: { kind: string; faults?: Fault[] }): string[] {
  return (outcome.faults ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

/** The only message of a content. */
export function messageIn(content: CampaignContent | null | undefined): MessageContent {
  assert.ok(content);
  const [message, ...others] = messagesOf(content);
  assert.equal(others.length, 0);
  return message!;
}

/** A campaign that sends through {@link manifest}'s `sms-a`. */
export function smsCampaign(changes: object = {}): Record<string, unknown> {
  return { id: '~sms', state: 'running', channel: 'sms', provider: 'sms-a', body: 'Hi {{ first_name }}', ...changes };
}

/** A small manifest of the account `shop`. */
export function manifest(changes: object = {}): Record<string, unknown> {
  return {
    account: 'shop',
    keys: [{ id: 'main', key: 'shop-key', scopes: ['trigger', 'admin'] }],
    providers: [{ id: 'sms-a', channel: 'sms', type: 'sandbox' }, httpProvider()],
    campaigns: [smsCampaign()],
    ...changes,
  };
}

/** A provider with credentials. */
export function httpProvider(changes: object = {}): Record<string, unknown> {
  return {
    id: 'sms-http',
    channel: 'sms',
    type: 'http',
    request: {
      url: 'https://sms.example/send',
      headers: { Authorization: 'Bearer top-secret', 'x.dotted.name': 'also-secret' },
      json: { to: '{{ to }}', text: '{{ body }}' },
    },
    secrets: { token: 'hush' },
    ...changes,
  };
}

/** `examples/….yaml` as `carom apply` reads it in an empty environment. */
export function exampleManifest(name: string): unknown {
  const text = readFileSync(new URL(`../../examples/${name}.yaml`, import.meta.url), 'utf8');
  return parse(text.replace(/\$\{\w+:-([^}]*)\}/g, '$1'));
}

/** The demo's. */
export function demoManifest(): unknown {
  return exampleManifest('demo');
}
