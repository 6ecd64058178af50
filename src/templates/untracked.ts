/** The filter `untracked`: the links in a text, or the link that it becomes part of, are left as they are written. */
import { createSynchronousFilter } from 'twing';
import { markUntracked } from '#domain/tracked-links.ts';

/** The mark is taken off again when the message's links are looked for. */
export const UNTRACKED = createSynchronousFilter(
  'untracked',
  (_context, text: unknown) => markUntracked(String(text)),
  [],
);
