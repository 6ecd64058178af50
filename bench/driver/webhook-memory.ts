/** What the sink remembers of the webhooks' calls. */

/** What it tells. */
export interface Told {
  /** Different events, and calls beyond the first for one. */
  events: number;
  duplicates: number;
  /** From the event to its call, in ms. */
  lagMs: number[];
}

/** An empty memory. */
export function createWebhookMemory() {
  const known = new Set<string>();
  let lagMs: number[] = [];
  let duplicates = 0;
  return {
    told: (id: string, lag: number) => {
      if (known.has(id)) {
        duplicates++;
        return;
      }
      known.add(id);
      lagMs.push(lag);
    },
    forget: () => {
      known.clear();
      lagMs = [];
      duplicates = 0;
    },
    seen: (): Told => ({ events: known.size, duplicates, lagMs }),
  };
}
