/** A batch as a row, and back. */
import type { Batch, BatchState } from '#domain/batch.ts';

/** The columns every reading statement selects, of a table that is called `b` there. */
export const BATCH_COLUMNS =
  'b.account_id, b.id, b.state, b.created_at, b.ended_at, b.total, b.bad_rows, b.request, b.campaign_versions';

/** A row of {@link BATCH_COLUMNS}. */
export interface BatchRow {
  account_id: string;
  id: string;
  state: BatchState;
  created_at: Date;
  ended_at: Date | null;
  total: number;
  bad_rows: number;
  request: Batch['request'];
  campaign_versions: number[];
}

/** The batch of a row. */
export function batchOf(row: BatchRow): Batch {
  return {
    accountId: row.account_id,
    id: row.id,
    createdAt: row.created_at.getTime(),
    request: row.request,
    campaignVersions: row.campaign_versions,
    total: row.total,
    ...(row.bad_rows > 0 && { badRows: row.bad_rows }),
    state: row.state,
    endedAt: row.ended_at?.getTime() ?? null,
  };
}
