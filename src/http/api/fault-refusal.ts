import { Refusal } from '../refusal.ts';
import type { BodyFault } from '../refusal.ts';

/** The refusal of a body that has faults: all of them in `errors`, the first one in its message. */
export function faultRefusal(faults: BodyFault[]): Refusal {
  const [first] = faults;
  if (!first) throw new Error('a body without faults is not refused');
  const others = faults.length > 1 ? ` (and ${faults.length - 1} more, see errors)` : '';
  return new Refusal('invalid', `${placeOf(first.path)} ${first.message}${others}`, { faults });
}

/** `campaigns[2].receiptTimeout`. */
function placeOf(path: (string | number)[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  return text.replace(/^\./, '') || 'the body';
}
