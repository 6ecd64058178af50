/** Lengths of time as people read them. */

const UNITS: [name: string, ms: number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** `62 ms`, `1.25 s`, `2 min 5 s`, `3 d 4 h`: two units at most. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(ms < 10_000 ? 2 : 1))} s`;
  const largest = UNITS.findIndex(([, size]) => ms >= size);
  const [name, size] = UNITS[largest]!;
  const whole = Math.floor(ms / size);
  const [nextName, nextSize] = UNITS[largest + 1]!;
  const rest = Math.floor((ms - whole * size) / nextSize);
  return rest === 0 ? `${whole} ${name}` : `${whole} ${name} ${rest} ${nextName}`;
}

/** `2026-05-21 10:05:00 UTC`. */
export function readableTime(iso: string): string {
  return iso.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
}
