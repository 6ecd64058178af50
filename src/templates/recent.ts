/** Templates compiled lately: a call that brings its own texts has them checked, then rendered, and the next brings the same. */
import type { Escaping, Template } from '#ports/templates.ts';

/** Characters of the sources of all templates kept. Compiled, a dense one takes seventy bytes for each. */
const SOURCES_LENGTH_MAX = 1_000_000;
/** What a template counts for beside its source. */
const TEMPLATE_WEIGHT = 1_000;

/** Finds what was compiled from the same source, or compiles it. Those used longest ago go. */
export function keepingRecent(
  compile: (source: string, escaping: Escaping) => Template,
): (source: string, escaping: Escaping) => Template {
  const kept = new Map<string, Template>();
  let weight = 0;

  return (source, escaping) => {
    const key = `${escaping} ${source}`;
    const known = kept.get(key);
    const template = known ?? compile(source, escaping);
    if (known) kept.delete(key);
    else weight += key.length + TEMPLATE_WEIGHT;
    kept.set(key, template);
    for (const [oldest] of kept) {
      if (weight <= SOURCES_LENGTH_MAX) break;
      kept.delete(oldest);
      weight -= oldest.length + TEMPLATE_WEIGHT;
    }
    return template;
  };
}
