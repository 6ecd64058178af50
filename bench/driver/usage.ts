/** What processes use, as Linux tells it; null elsewhere. */
import { readFileSync, readdirSync } from 'node:fs';

const TICKS_PER_S = 100;
const PAGE_BYTES = 4_096;

interface ProcessStat {
  parent: number;
  cpuMs: number;
  rssBytes: number;
}

/** `/proc/<pid>/stat`; the name in parentheses may have blanks. */
function statOf(pid: number | string): ProcessStat | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null; // no such process, or no Linux
  }
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const parent = fields[1]!;
  const ticks = fields[11]! + fields[12]!;
  return { parent, cpuMs: (ticks * 1_000) / TICKS_PER_S, rssBytes: fields[21]! * PAGE_BYTES };
}

/** Resident memory of a process. */
export function rssMb(pid: number): number | null {
  const stat = statOf(pid);
  return stat && stat.rssBytes / 1e6;
}

/** Processor time a process has used. */
export function cpuMs(pid: number): number | null {
  return statOf(pid)?.cpuMs ?? null;
}

/** Processor time of a process and its children, such as PostgreSQL's backends, but for those counted elsewhere or ended. */
export function familyCpuMs(pid: number, elsewhere: number[] = []): number | null {
  let sum = cpuMs(pid);
  if (sum === null) return null;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || elsewhere.includes(Number(name))) continue;
    const stat = statOf(name);
    if (stat?.parent === pid) sum += stat.cpuMs;
  }
  return sum;
}

/** Processor seconds the whole machine has been busy and idle since it started. */
function machineCpu(): { busy: number; idle: number } | null {
  try {
    const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.trim().split(/\s+/);
    const [user, nice, system, idle, iowait, irq, softirq] = fields.map((ticks) => Number(ticks) / TICKS_PER_S);
    return { busy: user! + nice! + system! + irq! + softirq!, idle: idle! + iowait! };
  } catch {
    return null; // no Linux
  }
}

/** The shares of the machine that were used since {@link watchMachine}, 0…1; null where nobody tells. */
export interface MachineShares {
  ours: number | null;
  /** By processes that are not part of the bench: above a few percent the figures are of a busy machine. */
  others: number | null;
}

/** Watches the machine and our own processes, each with its children, until the answer is called. */
export function watchMachine(pids: number[]): () => MachineShares {
  const ownCpuS = () => [process.pid, ...pids].reduce((sum, pid) => sum + (familyCpuMs(pid, pids) ?? 0) / 1_000, 0);
  const [before, ownBefore] = [machineCpu(), ownCpuS()];
  return () => {
    const after = machineCpu();
    if (!before || !after) return { ours: null, others: null };
    const busy = after.busy - before.busy;
    const all = busy + after.idle - before.idle;
    const ours = ownCpuS() - ownBefore;
    return { ours: ours / all, others: Math.max(0, busy - ours) / all };
  };
}
