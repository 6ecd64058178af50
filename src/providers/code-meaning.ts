/** What a vendor's numbered errors mean: a word of ours for each, and what can still become of the message. */
import { unreachable } from '#domain/unreachable.ts';
import type { SendOutcome } from '#ports/provider.ts';
import { REASON_LENGTH_MAX } from './http-answer.ts';

/**
 * `final`: nobody could send this message to this address. `elsewhere`: the fault is our account's there, another provider may
 * take the message. `passing`: the vendor did not take it now, and may later. `throttled`: it asks to slow down.
 */
export type Fate = 'final' | 'elsewhere' | 'passing' | 'throttled';

/** One error. `reason`: a short word, the same for all vendors where they mean the same. */
export interface CodeMeaning {
  reason: string;
  fate: Fate;
}

/** A vendor's table of errors. */
export type CodeTable = ReadonlyMap<number, CodeMeaning>;

/** A table from its rows: code, reason, fate. */
export function codeTable(rows: readonly (readonly [code: number, reason: string, fate: Fate])[]): CodeTable {
  return new Map(rows.map(([code, reason, fate]) => [code, { reason, fate }]));
}

/** What a refusal with this meaning comes to. @param detail the vendor's own text; its first 200 characters are kept. */
export function outcomeOfMeaning(
  { reason, fate }: CodeMeaning,
  detail: string | null,
  retryAfterMs: number,
): SendOutcome {
  const refused = { kind: 'rejected', reason, detail: detail && detail.slice(0, REASON_LENGTH_MAX) } as const;
  switch (fate) {
    case 'final':
      return { ...refused, retryable: false };
    case 'elsewhere':
      return { ...refused, retryable: false, tryElsewhere: true };
    case 'passing':
      return { ...refused, retryable: true };
    case 'throttled':
      return { kind: 'throttled', retryAfterMs };
    default:
      return unreachable(fate);
  }
}
