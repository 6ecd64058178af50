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
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number);
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

/** Processor time of a process and its children, such as PostgreSQL's backends. Those that have ended are not in it. */
export function familyCpuMs(pid: number): number | null {
  let sum = cpuMs(pid);
  if (sum === null) return null;
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(name) : null;
    if (stat?.parent === pid) sum += stat.cpuMs;
  }
  return sum;
}

/** Processor seconds the whole machine has been busy and idle since it started: tells what else was running. */
export function machineCpu(): { busy: number; idle: number } | null {
  try {
    const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.trim().split(/\s+/);
    const [user, nice, system, idle, iowait, irq, softirq] = fields.map((ticks) => Number(ticks) / TICKS_PER_S);
    return { busy: user! + nice! + system! + irq! + softirq!, idle: idle! + iowait! };
  } catch {
    return null; // no Linux
  }
}
