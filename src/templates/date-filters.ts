/** Filters and the function of dates. */
import { callable, scalarFilter, textArgument } from './callable.ts';
import type { Callable } from './callable.ts';
import { formatMoment } from './format-date.ts';
import { modify } from './modify-date.ts';
import { Moment } from './moment.ts';
import { readMoment } from './read-date.ts';
import type { Execution } from './execution.ts';
import { UTC, zoneOf } from './zones.ts';

/** Twig's. */
const FORMAT_DEFAULT = 'F j, Y H:i';

/** The filters of this file. */
export const DATE_FILTERS: Record<string, Callable> = {
  date: scalarFilter('format, timezone', (execution, operand, [format, zone]) =>
    formatMoment(momentIn(execution, operand, zone), textArgument(format, FORMAT_DEFAULT), execution.budget),
  ),
  date_modify: scalarFilter('modifier!', (execution, operand, [modifier]) =>
    modify(momentIn(execution, operand, false), textArgument(modifier, ''), execution.budget),
  ),
};

/** The function `date`: a moment to compare with others; now, without an argument. */
export const DATE_FUNCTION: Callable = callable('date, timezone', (execution, date, [zone]) =>
  momentIn(execution, date, zone),
);

/** The moment a value names, as clocks in a zone show it: UTC's unless said; `false` leaves it in its own. */
export function momentIn({ budget }: Execution, value: unknown, zone: unknown): Moment {
  const its = zone === false ? null : zoneOf(textArgument(zone, UTC), budget);
  const moment = readMoment(value, its ?? UTC, budget);
  return its === null || its === moment.zone ? moment : new Moment(moment.ms, its);
}
