/** What the sink remembers of a run. */

/** What it tells at the end of a run. */
export interface Seen {
  arrivals: number;
  /** Message ids that came once or more, and those that came again. */
  messages: number;
  duplicates: number;
  transactions: number;
  negative: number;
  /** Reports that were answered with something other than 200 and made again. */
  repeatedReports: number;
  /** Positive reports that were taken. */
  ended: number;
  /** The first arrival of each transaction, by txnId; instants of `sharedNow`. */
  firstAt: Record<string, number>;
  /** From a negative report to the arrival of the same transaction's next message, in ms. */
  nextLegMs: number[];
}

/** An empty memory. */
export function createMemory() {
  const arrivalsOf = new Map<string, number>();
  let firstAt = new Map<string, number>();
  let negativeAt = new Map<string, number>();
  let nextLegMs: number[] = [];
  let counts = { arrivals: 0, negative: 0, repeatedReports: 0, ended: 0 };
  return {
    arrived: (messageId: string, txnId: string, at: number) => {
      counts.arrivals++;
      const before = arrivalsOf.get(messageId) ?? 0;
      arrivalsOf.set(messageId, before + 1);
      if (before > 0) return;
      const negative = negativeAt.get(txnId);
      if (negative !== undefined) nextLegMs.push(at - negative);
      else firstAt.set(txnId, at);
    },
    reportedNegative: (txnId: string, at: number) => void negativeAt.set(txnId, at),
    reported: (isNegative: boolean, tries: number) => {
      if (isNegative) counts.negative++;
      else counts.ended++;
      counts.repeatedReports += tries - 1;
    },
    get ended() {
      return counts.ended;
    },
    forget: () => {
      arrivalsOf.clear();
      firstAt = new Map();
      negativeAt = new Map();
      nextLegMs = [];
      counts = { arrivals: 0, negative: 0, repeatedReports: 0, ended: 0 };
    },
    seen: (): Seen => ({
      ...counts,
      messages: arrivalsOf.size,
      duplicates: counts.arrivals - arrivalsOf.size,
      transactions: firstAt.size,
      firstAt: Object.fromEntries(firstAt),
      nextLegMs,
    }),
  };
}
