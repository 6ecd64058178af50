/** Filters that write numbers, money, dates and names as people of a country do. Their words are those of ICU, as Twig's. */
import type { Budget } from './budget.ts';
import { scalarFilter, textArgument } from './callable.ts';
import type { Callable } from './callable.ts';
import { entriesOf } from './collections.ts';
import { momentIn } from './date-filters.ts';
import type { Execution } from './execution.ts';
import { keeper } from './kept.ts';
import { isCollection, isMissing, isTruthy, numberOf, textOf } from './values.ts';

/** Where neither the filter nor the user says which. */
const LOCALE_DEFAULT = 'en';
/** A format of numbers takes 0.1 ms to make, one of dates 0.6. */
const STEPS_TO_MAKE = 12_000;
const STEPS_TO_ASK = 100;
const DECIMALS_MAX = 20;
const DATE_STYLES = ['none', 'short', 'medium', 'long', 'full'];

const numberFormats = keeper(STEPS_TO_MAKE, (key) => {
  const [locale, options] = JSON.parse(key) as [string, Intl.NumberFormatOptions];
  return new Intl.NumberFormat(locale, options);
});
const dateFormats = keeper(STEPS_TO_MAKE, (key) => {
  const [locale, options] = JSON.parse(key) as [string, Intl.DateTimeFormatOptions];
  return new Intl.DateTimeFormat(locale, options);
});
const nameLists = keeper(STEPS_TO_MAKE, (key) => {
  const [locale, type] = JSON.parse(key) as [string, Intl.DisplayNamesType];
  return new Intl.DisplayNames(locale, { type });
});

/** The filters of this file. */
export const LOCALE_FILTERS: Record<string, Callable> = {
  format_number: scalarFilter('attrs, style, type, locale', (execution, operand, [attrs, style, , locale]) => {
    const its = styleOf(textArgument(style, 'decimal'));
    return writeNumber(execution, operand, { ...its, ...digitsOf(attrs, execution.budget) }, locale);
  }),
  format_currency: scalarFilter('currency!, attrs, locale', (execution, operand, [currency, attrs, locale]) => {
    const code = currencyOf(currency);
    const options = { style: 'currency', currency: code, ...digitsOf(attrs, execution.budget) } as const;
    return writeNumber(execution, operand, options, locale);
  }),
  format_date: scalarFilter(
    'dateFormat, pattern, timezone, calendar, locale',
    (execution, operand, [date, pattern, zone, , locale]) =>
      writeDate(execution, operand, { date: style(date, 'medium'), time: 'none', pattern, zone, locale }),
  ),
  format_time: scalarFilter(
    'timeFormat, pattern, timezone, calendar, locale',
    (execution, operand, [time, pattern, zone, , locale]) =>
      writeDate(execution, operand, { date: 'none', time: style(time, 'medium'), pattern, zone, locale }),
  ),
  format_datetime: scalarFilter(
    'dateFormat, timeFormat, pattern, timezone, calendar, locale',
    (execution, operand, [date, time, pattern, zone, , locale]) => {
      const styles = { date: style(date, 'medium'), time: style(time, 'medium') };
      return writeDate(execution, operand, { ...styles, pattern, zone, locale });
    },
  ),
  country_name: scalarFilter('locale', (execution, operand, [locale]) => nameOf(execution, operand, 'region', locale)),
  currency_name: scalarFilter('locale', (execution, operand, [locale]) =>
    nameOf(execution, operand, 'currency', locale),
  ),
  language_name: scalarFilter('locale', (execution, operand, [locale]) =>
    nameOf(execution, operand, 'language', locale),
  ),
  currency_symbol: scalarFilter('locale', (execution, operand, [locale]) => {
    const options = { style: 'currency', currency: currencyOf(operand) } as const;
    const key = JSON.stringify([localeOf(execution, locale), options]);
    const parts = numberFormats(key, execution.budget).formatToParts(0);
    return parts.find(({ type }) => type === 'currency')?.value ?? '';
  }),
};

/** What is given, or the user's own when it is one, or English. @throws when what is given is none. */
function localeOf({ context }: Execution, given: unknown): string {
  if (!isMissing(given)) {
    const locale = canonical(textArgument(given, ''));
    if (locale !== null) return locale;
    throw new Error(`"${textOf(given).slice(0, 40)}" is no locale; write it like "en", "de" or "pt-BR"`);
  }
  const own = Object.hasOwn(context, 'locale') ? context['locale'] : null;
  return (typeof own === 'string' && own.length < 40 && canonical(own)) || LOCALE_DEFAULT;
}

function canonical(name: string): string | null {
  try {
    return Intl.getCanonicalLocales(name.replaceAll('_', '-'))[0] ?? null;
  } catch {
    // That is how Intl says that it is no name of a locale.
    return null;
  }
}

function currencyOf(given: unknown): string {
  const code = textArgument(given, '').toUpperCase();
  if (/^[A-Z]{3}$/.test(code)) return code;
  throw new Error(`"${code.slice(0, 40)}" is no currency; write its three letters, like "EUR"`);
}

function styleOf(style: string): Intl.NumberFormatOptions {
  if (style === 'decimal') return { maximumFractionDigits: 3 };
  if (style === 'percent') return { style: 'percent' };
  if (style === 'scientific') return { notation: 'scientific' };
  throw new Error(`there is no style "${style.slice(0, 40)}" of numbers; use decimal, percent or scientific`);
}

/** Twig's names for how many digits there are. */
const DIGITS: Record<string, (value: unknown) => Intl.NumberFormatOptions> = {
  fraction_digit: (value) => ({ minimumFractionDigits: decimals(value), maximumFractionDigits: decimals(value) }),
  min_fraction_digit: (value) => ({ minimumFractionDigits: decimals(value) }),
  max_fraction_digit: (value) => ({ maximumFractionDigits: decimals(value) }),
  grouping_used: (value) => ({ useGrouping: isTruthy(value) }),
};

function digitsOf(attrs: unknown, budget: Budget): Intl.NumberFormatOptions {
  if (isMissing(attrs)) return {};
  if (!isCollection(attrs)) throw new Error('the attributes of a number are a map, as in {fraction_digit: 2}');
  return Object.assign(
    {},
    ...entriesOf(attrs, budget).map(([key, value]) => {
      const name = textOf(key).slice(0, 40);
      if (Object.hasOwn(DIGITS, name)) return DIGITS[name]!(value);
      throw new Error(`there is no attribute "${name}" of numbers; use ${Object.keys(DIGITS).join(', ')}`);
    }),
  ) as Intl.NumberFormatOptions;
}

function decimals(value: unknown): number {
  const count = numberOf(value);
  if (Number.isInteger(count) && count >= 0 && count <= DECIMALS_MAX) return count;
  throw new Error(`a number has 0 to ${DECIMALS_MAX} decimals`);
}

function writeNumber(
  execution: Execution,
  operand: unknown,
  options: Intl.NumberFormatOptions,
  locale: unknown,
): string {
  const { minimumFractionDigits: least, maximumFractionDigits: most } = options;
  const possible = least !== undefined && most !== undefined && most < least ? { maximumFractionDigits: least } : {};
  execution.budget.take(STEPS_TO_ASK);
  const key = JSON.stringify([localeOf(execution, locale), { ...options, ...possible }]);
  return numberFormats(key, execution.budget).format(numberOf(operand));
}

interface Wanted {
  date: string;
  time: string;
  pattern: unknown;
  zone: unknown;
  locale: unknown;
}

function style(given: unknown, fallback: string): string {
  const name = textArgument(given, fallback);
  if (DATE_STYLES.includes(name)) return name;
  throw new Error(`there is no style "${name.slice(0, 40)}" of dates; use ${DATE_STYLES.join(', ')}`);
}

function writeDate(execution: Execution, operand: unknown, { date, time, pattern, zone, locale }: Wanted): string {
  if (!isMissing(pattern) && textOf(pattern) !== '')
    throw new Error('there are no patterns; use the filter "date" with a format of its own');
  const moment = momentIn(execution, operand, zone);
  if (date === 'none' && time === 'none') return '';
  execution.budget.take(STEPS_TO_ASK);
  const styles = { ...(date !== 'none' && { dateStyle: date }), ...(time !== 'none' && { timeStyle: time }) };
  const key = JSON.stringify([localeOf(execution, locale), { ...styles, timeZone: moment.zone }]);
  return dateFormats(key, execution.budget).format(moment.ms);
}

/** The name that people have for a code; the code itself where there is none. */
function nameOf(execution: Execution, operand: unknown, type: Intl.DisplayNamesType, locale: unknown): string {
  const code = textArgument(operand, '');
  execution.budget.take(STEPS_TO_ASK);
  const names = nameLists(JSON.stringify([localeOf(execution, locale), type]), execution.budget);
  try {
    return names.of(code) ?? code;
  } catch (error) {
    if (error instanceof RangeError) return code;
    throw error;
  }
}
