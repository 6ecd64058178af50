/** The two things that JSON can say and PostgreSQL's text cannot hold: U+0000, and half a surrogate pair. */
const UNSTORABLE = /\\(u0000|ud[89a-f][0-9a-f]{2}|.)/g;

/**
 * The value as a JSON document that PostgreSQL can hold and look into: what its text cannot hold becomes U+FFFD. One such
 * character, sent by a client or a vendor, would otherwise refuse the whole row, or fail every query that meets it.
 */
export function documentOf(value: unknown): string {
  const text = JSON.stringify(value);
  // JSON.stringify escapes these two, and of the surrogates only those without their other half.
  if (!text.includes('\\u0000') && !text.includes('\\ud')) return text;
  return text.replace(UNSTORABLE, (escape, what: string) => (what.length === 1 ? escape : '\ufffd'));
}

/** The same for text of its own. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}
