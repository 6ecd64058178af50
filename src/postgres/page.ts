import type { Page } from '#ports/transaction-store.ts';

/** A page of the `limit` first items; one more than that was asked for, to know whether there is a next page. */
export function pageOf<Item>(items: Item[], limit: number, cursorOf: (item: Item) => string): Page<Item> {
  const data = items.slice(0, limit);
  return { data, next: items.length > limit ? cursorOf(data.at(-1)!) : null };
}
