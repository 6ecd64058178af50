/** All filters there are. What is not here is refused when a template is parsed. */
import type { Callable } from './callable.ts';
import { DATE_FILTERS } from './date-filters.ts';
import { LIST_FILTERS } from './list-filters.ts';
import { LOCALE_FILTERS } from './locale-filters.ts';
import { NUMBER_FILTERS } from './number-filters.ts';
import { TEXT_FILTERS } from './text-filters.ts';

/** By name. */
export const FILTERS: ReadonlyMap<string, Callable> = new Map(
  [TEXT_FILTERS, NUMBER_FILTERS, LIST_FILTERS, DATE_FILTERS, LOCALE_FILTERS].flatMap(Object.entries),
);
