/** `{apicontent.x}` beside `{{ x }}`: single braces, as people who come from Altcraft write them (semantics §8). */

/** Everything that already is Twig, to be stepped over, or one single-braced name. */
const TWIG_OR_SINGLE_BRACES =
  /\{%-?\s*verbatim\b[\s\S]*?\bendverbatim\s*-?%\}|\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|\{#[\s\S]*?#\}|\{\s*(apicontent(?:\.\w+)+)\s*\}/g;

/** The source in Twig alone: `{apicontent.x.y}` becomes `{{ apicontent.x.y }}`; lines stay where they are. */
export function rewriteApicontent(source: string): string {
  if (!source.includes('apicontent')) return source;
  return source.replace(TWIG_OR_SINGLE_BRACES, (whole: string, name: string | undefined) => {
    return name === undefined ? whole : `{{ ${name} }}`;
  });
}
