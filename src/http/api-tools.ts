/** What the routes are built on. */
import type { Engine } from '#engine/engine.ts';
import type { AnswerStore } from '#ports/answer-store.ts';
import type { BatchStore } from '#ports/batch-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { EventStore } from '#ports/event-store.ts';
import type { FileStore } from '#ports/file-store.ts';
import type { HookCaller } from '#ports/hook.ts';
import type { Log } from '#ports/log.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import type { ProviderType } from '#ports/provider.ts';
import type { StatsStore } from '#ports/stats-store.ts';
import type { SuppressionStore } from '#ports/suppression-store.ts';
import type { Templates } from '#ports/templates.ts';
import type { TransactionStore } from '#ports/transaction-store.ts';
import type { WebhookStore } from '#ports/webhook-store.ts';
import type { Auth } from './auth.ts';

/** Everything a handler may use. */
export interface ApiTools {
  engine: Engine;
  auth: Auth;
  transactions: TransactionStore;
  profiles: ProfileStore;
  events: EventStore;
  files: FileStore;
  stats: StatsStore;
  suppressionStore: SuppressionStore;
  webhookCalls: WebhookStore;
  batches: BatchStore;
  answers: AnswerStore;
  templates: Templates;
  /** Checks the hooks of journeys. */
  hooks: Pick<HookCaller, 'faultOf'>;
  /** The words that providers' `type` may be. */
  providerTypes: readonly ProviderType[];
  clock: Clock;
  log: Log;
  /** Carom's address as vendors see it. */
  publicUrl: string;
  version: string;
  /** Resolves when the database answers and its schema is up to date. */
  checkReady(): Promise<void>;
  /** True from the moment a stop was asked for. */
  isStopping(): boolean;
}
