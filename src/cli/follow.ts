/** Watches a transaction until it ends. On a terminal its drawing stays in place and changes. */
import type { Client } from './client.ts';
import { answer } from './client-command.ts';
import type { Session } from './client-command.ts';
import { CommandFailure } from './failure.ts';
import { drawTransaction } from './timeline.ts';
import { endedWell, hasEnded } from './transaction-view.ts';
import type { TransactionView } from './transaction-view.ts';

/** Between two looks: short at first, for most chains end at once. */
const POLL_MIN_MS = 100;
const POLL_MAX_MS = 2_000;
const POLL_GROWTH = 1.3;

/** Reads one. @param id the transaction's id or txnId. */
export async function loadTransaction(client: Client, id: string): Promise<TransactionView> {
  const { body } = await client.request('GET', `/v1/transactions/${encodeURIComponent(id)}`);
  return body as TransactionView;
}

/** Shows it until it has ended. @throws {CommandFailure} when it ended otherwise than was wished. */
export async function followTransaction(session: Session, id: string): Promise<void> {
  const { client, io } = session;
  const redraw = redrawer(session);
  let view = await loadTransaction(client, id);
  for (let pauseMs = POLL_MIN_MS; !hasEnded(view); pauseMs = Math.min(POLL_MAX_MS, pauseMs * POLL_GROWTH)) {
    redraw(view);
    await io.sleep(pauseMs);
    view = await loadTransaction(client, view.id);
  }
  redraw(null);
  showTransaction(session, view);
  if (!endedWell(view)) throw new CommandFailure(`the transaction ended ${view.state}`);
}

/** Shows it as it is now. */
export function showTransaction(session: Session, view: TransactionView): void {
  answer(session, view, () => drawTransaction(view, session.style, session.io.now()));
}

/** Draws over what it drew before; null: takes that away. Only on a terminal that it fits into: elsewhere lines cannot be taken back. */
function redrawer({ io, json, style }: Session): (view: TransactionView | null) => void {
  let height = 0;
  return (view) => {
    if (!io.isTty || json) return;
    const text = view === null ? '' : `${drawTransaction(view, style, io.now())}\n`;
    const lines = text.split('\n').length - 1;
    if (lines >= io.rows) return;
    io.out(`${height === 0 ? '' : `\u001b[${height}A\u001b[J`}${text}`);
    height = lines;
  };
}
