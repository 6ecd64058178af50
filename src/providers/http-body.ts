/** What a vendor's answer says, whatever it claims to be. */
import type { Json } from '#domain/request.ts';

/** JSON if it parses as such, form fields if it says so, else the text; null for nothing. Never throws. */
export function parseBody(contentType: string | undefined, text: string): Json {
  if (text.trim() === '') return null;
  if (contentType?.toLowerCase().startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  // Many vendors send JSON as text/html.
  if (contentType?.toLowerCase().includes('json') || /^\s*[{[]/.test(text)) return parseJson(text);
  return text;
}

function parseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
