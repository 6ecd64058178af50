/** What applying a manifest changes, in words: `+` comes, `~` changes, `-` goes. */
import { clean, cut } from './cells.ts';
import { paint, sign } from './paint.ts';
import type { Style, Tone } from './paint.ts';

/** One thing that is made, changed or removed. */
export interface Change {
  action: string;
  kind: string;
  id: string;
  fields?: FieldChange[];
}

interface FieldChange {
  field: string;
  from?: unknown;
  to?: unknown;
}

/** The lines of the changes; none: an empty list. */
export function drawChanges(changes: Change[], style: Style): string[] {
  return changes.flatMap(({ action, kind, id, fields = [] }) => {
    const [mark, tone] = markOf(action);
    return [
      paint(`  ${mark} ${clean(kind)} ${clean(id)}`, tone, style),
      ...(mark === '~' ? fields.map((field) => drawField(field, style)) : []),
    ];
  });
}

function markOf(action: string): [mark: string, tone: Tone] {
  if (/^(creat|add)/.test(action)) return ['+', 'good'];
  if (/^(remov|delet|prun)/.test(action)) return ['-', 'bad'];
  return ['~', 'doubtful'];
}

/** One line each; long values share what room there is. */
function drawField({ field, from, to }: FieldChange, style: Style): string {
  const label = `      ${clean(field)}: `;
  const becomes = ` ${sign('becomes', style)} `;
  const room = Math.max(10, Math.floor((style.columns - label.length - becomes.length) / 2));
  const old = paint(cut(written(from), room, style), 'bad', style);
  return label + old + becomes + paint(cut(written(to), room, style), 'good', style);
}

function written(value: unknown): string {
  return value === undefined || value === null ? 'nothing' : JSON.stringify(value);
}

/** `3 changes`, `1 change`, `no changes`. */
export function countChanges(count: number): string {
  return count === 0 ? 'no changes' : count === 1 ? '1 change' : `${count} changes`;
}
