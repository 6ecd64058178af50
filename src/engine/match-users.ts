/** Finds users by what the rows of a call say about them: set-based, some thousand rows at a time. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AccountId, UserId } from '#domain/ids.ts';
import type { ProfileStore, UserKey } from '#ports/profile-store.ts';

/** Rows that are looked up together. */
const ROWS_AT_ONCE = 5_000;

/** One way of finding a user: the first of the values that somebody has. */
export interface Sought {
  key: UserKey;
  values: string[];
}

/** A user, and which of the ways led to him (0 is the first). */
export interface Match {
  userId: UserId;
  way: number;
}

/**
 * The users of some rows, in their order; null: nobody.
 * @param rows of each, its ways in order: the first that leads to somebody counts. The nth ways of all rows have the same key.
 */
export async function matchUsers(
  profiles: Pick<ProfileStore, 'findUsers'>,
  accountId: AccountId,
  rows: Sought[][],
): Promise<(Match | null)[]> {
  const matches: (Match | null)[] = [];
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const some = rows.slice(from, from + ROWS_AT_ONCE);
    for (const match of await matchSome(profiles, accountId, some)) matches.push(match);
    await nextTurn();
  }
  return matches;
}

async function matchSome(
  profiles: Pick<ProfileStore, 'findUsers'>,
  accountId: AccountId,
  rows: Sought[][],
): Promise<(Match | null)[]> {
  const matches = rows.map((): Match | null => null);
  for (let way = 0; ; way++) {
    const open = rows.flatMap((ways, row) => {
      const sought = matches[row] === null ? ways[way] : undefined;
      return sought ? [{ row, sought }] : [];
    });
    const [first] = open;
    if (!first) return matches;
    const values = open.flatMap(({ sought }) => sought.values);
    const found = await profiles.findUsers(accountId, first.sought.key, values);
    for (const { row, sought } of open) {
      const value = sought.values.find((one) => found.has(one));
      if (value !== undefined) matches[row] = { userId: found.get(value)!, way };
    }
  }
}
