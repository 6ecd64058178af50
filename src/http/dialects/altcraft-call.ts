/** The calls that trigger a campaign, parsed into our words. Vendor pages: Trigger launch, Bulk trigger launch, the task for it. */
import type { BatchRequest } from '#domain/batch.ts';
import { RECIPIENTS_MAX, RECIPIENT_LENGTH_MAX } from '#domain/batch.ts';
import type { CampaignId } from '#domain/ids.ts';
import type { Json, JsonObject } from '#domain/request.ts';
import { didYouMean } from '#engine/manifest/closest.ts';
import type { Breathe } from '../json-in-slices.ts';
import { KEY_FIELDS, waysReader } from './altcraft-matching.ts';
import type { Way } from './altcraft-matching.ts';
import { FAULTS_MAX, at, below, blame, isMap, mapOf, refuseFaults, switchOf, wholeBody } from '../call-fields.ts';
import type { Field } from '../call-fields.ts';
import type { BodyFault } from '../refusal.ts';

/** What is read of a body; `request_id` only tells calls apart. */
const FIELDS = [
  'token',
  'format',
  'request_id',
  'id',
  'trigger_id',
  'matching',
  'field_name',
  'content',
  'custom_data',
  'skip_triggers',
  'attach',
];
const ROW_FIELDS = [...KEY_FIELDS, 'content', 'custom_data'];
/** Characters of JSON of what a row says for its profile alone; its addresses have room beside it. */
const PARAMS_LENGTH_MAX = RECIPIENT_LENGTH_MAX - 1_024;
const CAMPAIGN_ID = /^\d{1,18}$/;

/** A good row: its place, whom it means, and what it says for him alone. */
export interface CallRow {
  index: number;
  ways: Way[];
  params: JsonObject | null;
}

/** A call as it was written. */
export interface TriggerCall {
  request: BatchRequest;
  rows: CallRow[];
  /** Rows that cannot be read: left out, while the others are done. */
  badRows: BadRows;
  /** Files, as they were written. */
  attach: Json[];
}

/** How many they are, and what is wrong with the first of them. */
export interface BadRows {
  count: number;
  faults: BodyFault[];
}

/** What a call is read with. */
export interface CallTools {
  /** XML has texts only: what can be a number or a switch in `content` and `custom_data` becomes one. */
  isXml: boolean;
  defaultRegion: string | null;
  breathe: Breathe;
}

/**
 * Parses a call.
 * @param isBatch its rows are in `data`; else the body itself is the row.
 * @throws {Refusal} invalid, naming all that is wrong in the vendor's own field names.
 */
export async function readCall(body: unknown, isBatch: boolean, tools: CallTools): Promise<TriggerCall> {
  const call = wholeBody(body);
  refuseUnknown(call, isBatch ? [...FIELDS, 'data'] : [...FIELDS, ...KEY_FIELDS]);
  const attach = listOf(below(call, 'attach'));
  const request: BatchRequest = {
    campaignIds: [readCampaignId(call)],
    mode: 'all',
    ttl: null,
    startAt: null,
    params: paramsOf(call, tools) ?? {},
    overrides: null,
    reference: null,
    targetKind: 'user_id',
    unknownUsers: 'send',
    skipTriggers: readSkipTriggers(below(call, 'skip_triggers')),
  };
  const fieldName = below(call, 'field_name');
  const readWays = waysReader(below(call, 'matching'));
  const rules = { defaultRegion: tools.defaultRegion, fieldName };
  const rows: CallRow[] = [];
  const badRows: BadRows = { count: 0, faults: [] };
  if (!isBatch) rows.push({ index: 0, ways: readWays(call, rules), params: null });
  for (const row of isBatch ? rowsOf(below(call, 'data')) : []) {
    const faults: BodyFault[] = [];
    const read = readRow({ ...row, faults }, (field) => readWays(field, rules), tools);
    if (faults.length === 0) rows.push({ index: row.name as number, ...read });
    else noteBadRow(badRows, faults);
    const pause = tools.breathe();
    if (pause) await pause;
  }
  if (rows.length === 0) call.faults.push(...badRows.faults);
  refuseFaults(call);
  return { request, rows, badRows, attach };
}

function readRow(row: Field, readWays: (row: Field) => Way[], tools: CallTools): Omit<CallRow, 'index'> {
  if (!isMap(row.value)) {
    blame(row, 'must be an object');
    return { ways: [], params: null };
  }
  refuseUnknown(row, ROW_FIELDS);
  const params = paramsOf(row, tools);
  const length = params ? JSON.stringify(params).length : 0;
  if (length > PARAMS_LENGTH_MAX)
    blame(
      row,
      `has ${length} characters in content and custom_data; at most ${PARAMS_LENGTH_MAX} are taken: put what all rows share beside data`,
    );
  return { ways: readWays(row), params };
}

function noteBadRow(badRows: BadRows, faults: BodyFault[]): void {
  badRows.count += 1;
  badRows.faults.push(...faults.slice(0, FAULTS_MAX - badRows.faults.length));
}

function refuseUnknown(call: Field, known: readonly string[]): void {
  for (const name of Object.keys(call.value as JsonObject)) {
    if (known.includes(name)) continue;
    const field = below(call, name);
    if (field.value !== undefined) blame(field, `is not known here; ${didYouMean(name, [...known])}`);
  }
}

/** `id` in some of the calls, `trigger_id` in others (vendor pages): either is taken in all. */
function readCampaignId(call: Field): CampaignId {
  const given = ['trigger_id', 'id'].map((name) => below(call, name)).filter(({ value }) => value !== undefined);
  const ids = given.map((field) => {
    const { value } = field;
    const id = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
    if (!CAMPAIGN_ID.test(id)) blame(field, 'must be the whole number of a campaign');
    return id;
  });
  if (ids.length === 0) blame(below(call, 'trigger_id'), 'is missing: give the number of the campaign');
  if (ids.length === 2 && ids[0] !== ids[1])
    blame(below(call, 'id'), 'is another campaign than trigger_id; give one of them');
  return ids[0] ?? '';
}

function readSkipTriggers(field: Field): boolean {
  const word = typeof field.value === 'string' ? field.value.trim().toLowerCase() : null;
  const value = word === 'true' || word === 'false' ? word === 'true' : field.value;
  return switchOf({ ...field, value: value }) ?? false;
}

/** `content`, and `custom_data` as a param of its name. */
function paramsOf(row: Field, { isXml }: CallTools): JsonObject | null {
  const content = objectOf(below(row, 'content'), isXml);
  const customData = objectOf(below(row, 'custom_data'), isXml);
  if (!content && !customData) return null;
  return { ...content, ...(customData && { custom_data: customData }) };
}

/** An empty element of XML is an empty object. */
function objectOf(field: Field, isXml: boolean): JsonObject | undefined {
  if (isXml && typeof field.value === 'string' && field.value.trim() === '') return {};
  const map = mapOf(field);
  return map && isXml ? (typed(map) as JsonObject) : map;
}

/** Only what reads the same afterwards: `007` and `1.50` stay texts. */
function typed(value: Json): Json {
  if (Array.isArray(value)) return value.map(typed);
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, typed(child)]));
  if (value === 'true' || value === 'false') return value === 'true';
  const isNumber = typeof value === 'string' && /^-?\d/.test(value) && String(Number(value)) === value;
  return isNumber && Number.isFinite(Number(value)) ? Number(value) : value;
}

function listOf(field: Field): Json[] {
  const { value } = field;
  if (value === undefined || value === '') return [];
  if (Array.isArray(value)) return value;
  return blame(field, 'must be a list') ?? [];
}

function* rowsOf(field: Field): Iterable<Field> {
  const { value } = field;
  if (!Array.isArray(value)) {
    blame(field, value === undefined ? 'is missing: name the profiles' : 'must be a list, also for one profile');
  } else if (value.length === 0) blame(field, 'is empty: name at least one profile');
  else if (value.length > RECIPIENTS_MAX) {
    blame(
      field,
      `has ${value.length} rows; at most ${RECIPIENTS_MAX} are taken in one call, send the others in further calls`,
    );
  } else for (const [index, row] of value.entries()) yield at(field, index, row);
}
