/** Time zones: what clocks on the wall show at an instant, and when they show something. */
import type { Budget } from './budget.ts';
import { keeper } from './kept.ts';

/** The zone of dates that name none. */
export const UTC = 'UTC';

const MINUTE_MS = 60_000;
/** Making a format takes 0.6 ms, asking it 3 µs. */
const STEPS_TO_MAKE = 12_000;
const STEPS_TO_ASK = 60;
const OFFSET = /^(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?$/i;
const FIXED = /^([+-])(\d\d):(\d\d)$/;
const ZONE = /^[A-Za-z][\w+-]*(\/[\w+-]+){0,2}$/;
const SHOWN = /(\d+)\/(\d+)\/(\d+) (\w+), (\d+):(\d+):(\d+)/;

const formats = keeper(STEPS_TO_MAKE, (timeZone) => {
  const [numeric, short] = ['numeric', 'short'] as const;
  const date = { era: short, year: numeric, month: numeric, day: numeric } as const;
  const time = { hour: numeric, minute: numeric, second: numeric, hourCycle: 'h23' } as const;
  return new Intl.DateTimeFormat('en-US', { timeZone, ...date, ...time });
});

/** The zone's name as it is used here: `UTC`, `Asia/Kolkata`, `+05:30`. @throws when there is none of that name. */
export function zoneOf(name: string, budget: Budget): string {
  if (/^(z|utc|gmt)$/i.test(name)) return UTC;
  const offset = OFFSET.exec(name);
  if (offset) {
    const [, sign, hours, minutes = '00'] = offset;
    if (Number(hours) <= 14 && Number(minutes) < 60) return `${sign}${hours!.padStart(2, '0')}:${minutes}`;
  } else if (isZone(name, budget)) {
    return name;
  }
  throw new Error(`"${name.slice(0, 40)}" is no time zone; write it like "Asia/Kolkata", "UTC" or "+05:30"`);
}

/** By how much clocks in the zone are ahead of UTC at an instant, in ms. */
export function offsetMsAt(zone: string, ms: number, budget: Budget): number {
  if (zone === UTC) return 0;
  const fixed = FIXED.exec(zone);
  if (fixed) return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3])) * MINUTE_MS;
  budget.take(STEPS_TO_ASK);
  const shown = SHOWN.exec(formats(zone, budget).format(ms));
  if (!shown) return 0;
  const [month, day, year, , hour, minute, second] = shown.slice(1).map(Number);
  const wall = new Date(0);
  wall.setUTCFullYear(shown[4]!.startsWith('B') ? 1 - year! : year!, month! - 1, day);
  wall.setUTCHours(hour!, minute, second);
  return wall.getTime() - Math.floor(ms / 1_000) * 1_000;
}

/** The instant at which clocks in the zone show this time of day, written as if it were UTC. */
export function instantOf(wallMs: number, zone: string, budget: Budget): number {
  const guess = wallMs - offsetMsAt(zone, wallMs, budget);
  // Near a change of clocks the guess may stand on its wrong side.
  return wallMs - offsetMsAt(zone, guess, budget);
}

function isZone(name: string, budget: Budget): boolean {
  if (!ZONE.test(name)) return false;
  try {
    formats(name, budget);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
