/** `striptags`: takes tags and comments out of a text. One pass, whatever the text is. */
import type { Budget } from './budget.ts';

const STEPS_PER_TAG = 8;

/** @param allowed tags that stay, as in `<b><i>`. What a tag that never ends would hide goes. */
export function stripTags(text: string, allowed: string, budget: Budget): string {
  const kept = new Set([...allowed.matchAll(/<\s*([a-z][a-z0-9]*)/gi)].map(([, name]) => name!.toLowerCase()));
  let [stripped, at] = ['', 0];
  for (let tag = nextTag(text, 0); tag !== -1; tag = nextTag(text, at)) {
    budget.take(STEPS_PER_TAG);
    stripped += text.slice(at, tag);
    const isComment = text.startsWith('<!--', tag);
    const end = isComment ? text.indexOf('-->', tag + 4) : text.indexOf('>', tag);
    if (end === -1) return stripped;
    at = end + (isComment ? 3 : 1);
    const name = /^<\/?([a-z][a-z0-9]*)/i.exec(text.slice(tag, tag + 30))?.[1];
    if (name !== undefined && kept.has(name.toLowerCase())) stripped += text.slice(tag, at);
  }
  return stripped + text.slice(at);
}

/** A `<` before a blank or a number is one that somebody wrote. */
const TAG = /<[^\s\d<=]/g;

function nextTag(text: string, from: number): number {
  TAG.lastIndex = from;
  return TAG.exec(text)?.index ?? -1;
}
