/** The country of a phone number: several may share a code (+1, +7, +44), so that a prefix alone does not tell it. */
import parsePhoneNumber from 'libphonenumber-js/max';

/** ISO 3166, two letters; null for what is no number in E.164, or belongs to no country. */
export function countryOf(to: string): string | null {
  return parsePhoneNumber(to)?.country ?? null;
}
