/** Durable acceptance, against a bare route of the same framework in the same minute. */
import { fileURLToPath } from 'node:url';
import type { Carom } from '../carom.ts';
import { freePort, startChild } from '../driver/child.ts';
import { closedLoop } from '../driver/closed-loop.ts';
import type { LoopResult } from '../driver/closed-loop.ts';
import { CAMPAIGN, scheduledRequest, vendorRequest } from '../driver/requests.ts';
import { cpuMs, familyCpuMs, watchMachine } from '../driver/usage.ts';
import type { Add } from '../report.ts';

const BARE = fileURLToPath(new URL('../bare.ts', import.meta.url));
const CONNECTIONS = 256;
const GOAL_RATIO = 0.35;
const STDERR = 2;

/** What the bare route does. */
export interface Bare extends LoopResult {
  /** Its processor time per request, in µs: the unit in which this machine is as fast as it is today. */
  cpuUs: number | null;
}

/** Measures the bare route. */
export async function measureBare(seconds: number): Promise<Bare> {
  const port = await freePort();
  const child = await startChild(BARE, [String(port)], {}, STDERR);
  const make = vendorRequest([CAMPAIGN.one]);
  const result = await closedLoop({ port, connections: CONNECTIONS, seconds, make, txnId: (n) => `bare-${n}` });
  const cpu = cpuMs(child.pid);
  await child.end();
  return { ...result, cpuUs: cpu && (cpu * 1_000) / result.accepted };
}

/** Carom's accepts per second; the transactions start in an hour, so nothing else happens to them. */
export async function measureAccept(carom: Carom, bareBefore: Bare, seconds: number, add: Add): Promise<void> {
  const machine = watchMachine([carom.child.pid, carom.postgresPid]);
  const [nodeBefore, postgresBefore] = [cpuMs(carom.child.pid), familyCpuMs(carom.postgresPid)];
  const make = scheduledRequest([CAMPAIGN.one]);
  const accepts = await closedLoop({
    port: carom.port,
    connections: CONNECTIONS,
    seconds,
    make,
    txnId: (n) => `ahead-${n}`,
  });
  const { others } = machine();
  const cpu = (before: number | null, after: number | null) =>
    before === null || after === null ? null : ((after - before) * 1_000) / accepts.accepted;
  const [node, postgres] = [cpuMs(carom.child.pid), familyCpuMs(carom.postgresPid)];
  const bareAfter = await measureBare(seconds / 2);
  const bare = (bareBefore.perSecond + bareAfter.perSecond) / 2;
  add('bare Fastify route, nothing kept', bare, '/s');
  add('bare: processor time per request', bareAfter.cpuUs, 'µs');
  add('bare: load generator busy', (bareBefore.driverBusy + bareAfter.driverBusy) / 2, '');
  add('durable accepts', accepts.perSecond, '/s');
  add('accept: load generator busy', accepts.driverBusy, '');
  add('share of the machine used by others', others, '');
  add('durable accepts / bare route', accepts.perSecond / bare, '', { atLeast: GOAL_RATIO });
  add('node processor time per accept', cpu(nodeBefore, node), 'µs');
  add('PostgreSQL processor time per accept', cpu(postgresBefore, postgres), 'µs');
  const refused = Object.values(accepts.refused).reduce((sum, count) => sum + count, 0);
  add('refused', refused, '', { atMost: 0 });
}
