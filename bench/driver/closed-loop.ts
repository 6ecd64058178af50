/** Load that follows the server: each connection asks again when it has been answered, as fast as that goes. */
import { openConnection } from './connection.ts';
import type { Answer } from './connection.ts';
import type { MakeRequest } from './requests.ts';

/** What a closed loop came to. */
export interface LoopResult {
  accepted: number;
  /** Answers by status, other than 200 and 202. */
  refused: Record<string, number>;
  /** From the first request to the last answer. */
  tookMs: number;
  /** Requests per second answered well, the first {@link WARM_UP_MS} left out. */
  perSecond: number;
  /** How much of the time the load generator itself was busy; near 1 it measures itself. */
  driverBusy: number;
}

/** The code of a process is compiled while it runs: the first second says more about that than about anything else. */
export const WARM_UP_MS = 1_000;

interface LoopOptions {
  port: number;
  connections: number;
  seconds: number;
  make: MakeRequest;
  /** Names the nth transaction of this loop. */
  txnId(n: number): string;
  /** Holds a connection back until there is room for another transaction. */
  room?(): Promise<void> | null;
}

/** Runs for the given time. */
export async function closedLoop(options: LoopOptions): Promise<LoopResult> {
  const { port, connections, seconds, make, txnId, room } = options;
  const open = await Promise.all(Array.from({ length: connections }, () => openConnection(port)));
  const result = { accepted: 0, refused: {} as Record<string, number> };
  const startedAt = performance.now();
  const [countFrom, until] = [startedAt + WARM_UP_MS, startedAt + seconds * 1_000];
  const idleBefore = performance.eventLoopUtilization();
  let [n, counted] = [0, 0];
  const note = ({ status }: Answer) => {
    if (status !== 200 && status !== 202) return void (result.refused[status] = (result.refused[status] ?? 0) + 1);
    result.accepted++;
    if (performance.now() >= countFrom) counted++;
  };
  await Promise.all(
    open.map(async (connection) => {
      while (performance.now() < until) {
        const wait = room?.();
        if (wait) {
          await wait;
          continue;
        }
        const number = n++;
        note(await connection.send(make(txnId(number), number)));
      }
    }),
  );
  const endedAt = performance.now();
  for (const connection of open) connection.close();
  const driverBusy = performance.eventLoopUtilization(idleBefore).utilization;
  return { ...result, tookMs: endedAt - startedAt, perSecond: (counted * 1_000) / (endedAt - countFrom), driverBusy };
}
