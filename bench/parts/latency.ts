/** How long it takes at a given rate: to be accepted, to be at the provider, and to fall back. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Carom } from '../carom.ts';
import { openLoop } from '../driver/open-loop.ts';
import { CAMPAIGN, vendorRequest } from '../driver/requests.ts';
import type { Sink } from '../driver/sink-process.ts';
import { watchMachine } from '../driver/usage.ts';
import { percentile } from '../report.ts';
import type { Add } from '../report.ts';

const DRAIN_MS = 20_000;

/** Two legs, 30 % of the first ones reported as undelivered. Goals hold where they are given. */
export async function measureLatency(
  carom: Carom,
  sink: Sink,
  options: { perSecond: number; seconds: number; goals: { toProviderMs: number; nextLegMs: number } | null },
  add: Add,
): Promise<void> {
  const { perSecond, seconds, goals } = options;
  await sink.reset();
  const machine = watchMachine([carom.child.pid, carom.postgresPid, sink.pid]);
  const txnId = (n: number) => `at${perSecond}-${n}`;
  const make = vendorRequest([CAMPAIGN.first, CAMPAIGN.second]);
  const { dueAt, acceptMs, driverBusy } = await openLoop({ port: carom.port, perSecond, seconds, make, txnId });
  const { others } = machine();
  const accepted = acceptMs.filter((ms) => ms !== null);
  const until = performance.now() + DRAIN_MS;
  while (sink.ended() < accepted.length && performance.now() < until) await sleep(20);
  const { firstAt, nextLegMs, duplicates, negative } = await sink.seen();
  const toProvider = dueAt.flatMap((due, n) => {
    const at = firstAt[txnId(n)];
    return at === undefined ? [] : [at - due];
  });
  const spread = (name: string, values: number[], goal: number | undefined) => {
    add(`${name}, p50`, percentile(values, 0.5), 'ms', goal === undefined ? undefined : { atMost: goal });
    add(`${name}, p99`, percentile(values, 0.99), 'ms');
  };
  spread('request → accepted', accepted, undefined);
  spread('request → provider', toProvider, goals?.toProviderMs);
  spread('negative receipt → next leg', nextLegMs, goals?.nextLegMs);
  add('load generator busy', driverBusy, '');
  add('share of the machine used by others', others, '');
  add('refused', acceptMs.length - accepted.length, '', { atMost: 0 });
  add('lost or late by more than 20 s', accepted.length - sink.ended(), '', { atMost: 0 });
  add('negative receipts without a next leg', negative - nextLegMs.length, '', { atMost: 0 });
  add('duplicates', duplicates, '', { atMost: 0 });
}
