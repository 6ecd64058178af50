/** `${NAME}` and `${NAME:-default}` in the texts of a manifest, as a shell would. */

/** A text with its variables put in. */
export interface Expanded {
  text: string;
  /** Names without a value and without a default, in order. */
  missing: string[];
}

/** The start of a variable; `$${NAME}` means the text `${NAME}`. What is no name (`${{ price }}`) is text. */
const START = /\$?\$\{([A-Za-z_][A-Za-z0-9_]*)(:-|\})/g;

/** Puts the environment's values in. A default may hold braces in pairs (`{{ a template }}`) and variables. */
export function expand(source: string, env: Readonly<Record<string, string | undefined>>): Expanded {
  const missing: string[] = [];
  let text = '';
  let at = 0;
  for (const match of source.matchAll(START)) {
    // It stood inside of a default that has been dealt with.
    if (match.index < at) continue;
    const [all, name, mark] = match as unknown as [string, string, string];
    const bodyAt = match.index + all.length;
    const end = mark === '}' ? bodyAt - 1 : closingBrace(source, bodyAt);
    if (end === -1) continue;
    text += source.slice(at, match.index);
    at = end + 1;
    if (all.startsWith('$$')) text += source.slice(match.index + 1, at);
    else if (mark === '}') {
      if (env[name] === undefined) missing.push(name);
      text += env[name] ?? '';
    } else if (env[name]) text += env[name];
    else {
      const fallback = expand(source.slice(bodyAt, end), env);
      missing.push(...fallback.missing);
      text += fallback.text;
    }
  }
  return { text: text + source.slice(at), missing };
}

/** Where the brace that is open at `from` closes; -1: nowhere. */
function closingBrace(source: string, from: number): number {
  let depth = 1;
  for (let at = from; at < source.length; at++) {
    if (source[at] === '{') depth += 1;
    else if (source[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}
