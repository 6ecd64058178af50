/** What was measured, as a table and as JSON. */

/** One figure. */
export interface Figure {
  part: string;
  name: string;
  value: number | null;
  unit: string;
  /** What it should be: at least or at most so much. */
  goal?: { atLeast: number } | { atMost: number };
}

/** Adds a figure of the part that is being measured. */
export type Add = (name: string, value: number | null, unit: string, goal?: Figure['goal']) => void;

/** A value where the share is reached from below, 0…1, in a list that need not be sorted; null for an empty one. */
export function percentile(values: number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** Whether the goal, if there is one, is met. */
export function isMet({ value, goal }: Figure): boolean | null {
  if (goal === undefined || value === null) return null;
  return 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost;
}

/** For people. */
export function table(figures: Figure[]): string {
  const rows = figures.map((figure) => [
    figure.part,
    figure.name,
    `${shown(figure.value)} ${figure.unit}`.trim(),
    goalOf(figure),
  ]);
  const all = [['part', 'figure', 'value', 'goal'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A short line while it runs. */
export function line({ part, name, value, unit }: Figure): string {
  return `${part}: ${name} ${shown(value)} ${unit}`.trim();
}

function shown(value: number | null): string {
  if (value === null) return '–';
  if (Number.isInteger(value) || Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function goalOf(figure: Figure): string {
  const { goal } = figure;
  if (!goal) return '';
  const text = 'atLeast' in goal ? `≥ ${goal.atLeast.toLocaleString('en')}` : `≤ ${goal.atMost.toLocaleString('en')}`;
  const met = isMet(figure);
  return met === null ? text : `${text} ${met ? 'met' : 'MISSED'}`;
}
