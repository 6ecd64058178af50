/** What a vendor's callback reports: the `receipt` of an `http` provider's settings (docs/providers/http.md). */
import { parseMessageId } from '#domain/ids.ts';
import { RECEIPT_STATUSES } from '#domain/message.ts';
import type { ReceiptStatus } from '#domain/message.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { SUPPRESSION_REASONS } from '#domain/suppression.ts';
import { CallbackError } from '#ports/provider.ts';
import type { Callback, Receipt } from '#ports/provider.ts';
import { ExpressionError } from './expression.ts';
import type { Expression } from './expression.ts';
import { REASON_LENGTH_MAX, REF_LENGTH_MAX } from './http-answer.ts';
import { readExpression } from './http-expression.ts';
import { SettingsFault, assertKeys, below, readObject } from './settings.ts';

/** Receipts in one callback. */
const RECEIPTS_MAX = 1_000;
/** How long one callback may keep the thread, in ms. */
const CALLBACK_TIME_MAX_MS = 250;

const EXPRESSIONS = ['ref', 'message', 'status', 'reason', 'suppress'] as const;
type ExpressionName = (typeof EXPRESSIONS)[number];

/** The compiled `receipt`. */
export interface ReceiptPlan {
  expressions: Partial<Record<ExpressionName, Expression>>;
  /** The vendor's words and ours. */
  statuses: Map<string, ReceiptStatus>;
  /** Messages are named by the vendor's reference alone. */
  byRef: boolean;
}

/** Null when the settings have no `receipt`. @throws {SettingsFault} */
export function readReceipt(settings: JsonObject): ReceiptPlan | null {
  const receipt = readObject(settings, 'receipt', '');
  if (!receipt) return null;
  assertKeys(receipt, [...EXPRESSIONS, 'statuses'], 'receipt');
  const expressions: ReceiptPlan['expressions'] = {};
  for (const name of EXPRESSIONS) {
    const expression = readExpression(receipt, name, 'receipt');
    if (expression) expressions[name] = expression;
  }
  if (!expressions.status)
    throw new SettingsFault('receipt.status', 'is missing: say where the callback has its status, such as body.status');
  return {
    expressions,
    statuses: readStatuses(receipt),
    byRef: expressions.ref !== undefined && expressions.message === undefined,
  };
}

function readStatuses(receipt: JsonObject): ReceiptPlan['statuses'] {
  const statuses = readObject(receipt, 'statuses', 'receipt');
  if (!statuses) return new Map(RECEIPT_STATUSES.map((status) => [status, status]));
  return new Map(
    Object.entries(statuses).map(([word, ours]) => {
      const status = RECEIPT_STATUSES.find((known) => known === ours);
      if (!status)
        throw new SettingsFault(below('receipt.statuses', word), `must be one of ${RECEIPT_STATUSES.join(', ')}`);
      return [word, status];
    }),
  );
}

/**
 * The receipts in a callback. A body that is a list is taken element by element; expressions that select several values
 * each report as many messages.
 * @throws {CallbackError} when an expression fails, or a known status names no message.
 */
export async function receiptsIn(callback: Callback, plan: ReceiptPlan): Promise<Receipt[]> {
  const { query, headers, body } = callback;
  const bodies = Array.isArray(body) ? body : [body];
  if (bodies.length > RECEIPTS_MAX)
    throw new CallbackError(`it has more than ${RECEIPTS_MAX} receipts; send fewer at a time`);
  const giveUpAt = performance.now() + CALLBACK_TIME_MAX_MS;
  const receipts: Receipt[] = [];
  for (const one of bodies) {
    if (performance.now() > giveUpAt)
      throw new CallbackError('it takes too long to read; send fewer receipts at a time');
    const rows = rowsOf(await evaluateAll(plan, { query, headers, body: one }));
    const isOnly = bodies.length === 1 && rows.length === 1;
    for (const row of rows) {
      const receipt = receiptOf(row, plan, isOnly ? query.message : undefined);
      if (receipt) receipts.push(receipt);
    }
  }
  return receipts;
}

type Row = Partial<Record<ExpressionName, Json>>;

async function evaluateAll(plan: ReceiptPlan, input: object): Promise<Row> {
  const values: Row = {};
  for (const name of EXPRESSIONS) {
    try {
      const value = await plan.expressions[name]?.evaluate(input);
      if (value !== undefined) values[name] = value;
    } catch (error) {
      if (error instanceof ExpressionError)
        throw new CallbackError(`receipt.${name}: ${error.message}`, { cause: error });
      throw error;
    }
  }
  return values;
}

/** One row for each status; the others must be as many, or the values could not be told apart. */
function rowsOf(values: Row): Row[] {
  if (!Array.isArray(values.status)) return [values];
  const { length } = values.status;
  if (length > RECEIPTS_MAX) throw new CallbackError(`it has more than ${RECEIPTS_MAX} receipts; send fewer at a time`);
  for (const [name, value] of Object.entries(values)) {
    if (!Array.isArray(value) || value.length !== length) {
      throw new CallbackError(
        `receipt.${name} selects ${Array.isArray(value) ? value.length : 1} values and receipt.status ${length}`,
      );
    }
  }
  return values.status.map((_status, index) => {
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, (value as Json[])[index]!]));
  });
}

function receiptOf(row: Row, plan: ReceiptPlan, messageInQuery: string | undefined): Receipt | null {
  const status = plan.statuses.get(textOf(row.status) ?? '');
  if (!status) return null;
  const message = plan.expressions.message ? (textOf(row.message) ?? undefined) : messageInQuery;
  const messageId = message !== undefined && parseMessageId(message) ? message.toLowerCase() : null;
  const ref = textOf(row.ref);
  if (messageId === null && ref === null)
    throw new CallbackError("it names no message: neither ours nor by the vendor's reference");
  if (ref !== null && ref.length > REF_LENGTH_MAX)
    throw new CallbackError(`a reference has more than ${REF_LENGTH_MAX} characters`);
  const suppress = SUPPRESSION_REASONS.find((known) => known === row.suppress);
  return {
    messageId,
    ref,
    status,
    reason: textOf(row.reason)?.slice(0, REASON_LENGTH_MAX) ?? null,
    ...(suppress && { suppress: { reason: suppress } }),
  };
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}
