/** A moment, and the zone whose clocks show it. */

/** Milliseconds since 1970 that dates may be away from it: years −9999 to 9999. */
const MS_MAX = 253_402_300_799_999;

/** A date of a template. Never changed. */
export class Moment {
  readonly ms: number;
  /** As `zones.ts` names it. */
  readonly zone: string;

  /** @throws when the moment is out of reach. */
  constructor(ms: number, zone: string) {
    if (!(Math.abs(ms) <= MS_MAX)) throw new Error('a date is beyond the year 9999');
    this.ms = Math.trunc(ms);
    this.zone = zone;
  }

  toString(): string {
    return new Date(this.ms).toISOString();
  }
}
