/**
 * References: many peers answer a submission with an id in hexadecimal and report on it in decimal, or pad one of the two.
 * Both are brought to one form here, the decimal one.
 */

/** How the id of the answer and that of the report are written; `same`: alike, compared as texts. */
export const ID_FORMS = ['same', 'hex_to_decimal', 'decimal_to_hex', 'hex', 'decimal'] as const;
/** A word of {@link ID_FORMS}. */
export type IdForms = (typeof ID_FORMS)[number];

type Radix = 'hex' | 'decimal';

const FORMS: Record<IdForms, { answer: Radix | null; report: Radix | null }> = {
  same: { answer: null, report: null },
  hex_to_decimal: { answer: 'hex', report: 'decimal' },
  decimal_to_hex: { answer: 'decimal', report: 'hex' },
  hex: { answer: 'hex', report: 'hex' },
  decimal: { answer: 'decimal', report: 'decimal' },
};

const DIGITS: Record<Radix, RegExp> = { hex: /^(?:0x)?([0-9a-f]+)$/i, decimal: /^(\d+)$/ };

/** The reference of an answered submission, or of a report that names it in the same way; null when there is none. */
export function refOfAnswer(id: string, forms: IdForms): string | null {
  return inDecimal(id, FORMS[forms].answer);
}

/** The reference that a report's text names; null when there is none. */
export function refOfReport(id: string, forms: IdForms): string | null {
  return inDecimal(id, FORMS[forms].report);
}

/** As it is where it is not so written: better a reference that meets nothing than none. */
function inDecimal(id: string, radix: Radix | null): string | null {
  const trimmed = id.trim();
  if (trimmed === '') return null;
  const digits = radix && DIGITS[radix].exec(trimmed)?.[1];
  return digits ? BigInt(radix === 'hex' ? `0x${digits}` : digits).toString() : trimmed;
}
