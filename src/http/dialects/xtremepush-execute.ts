/** The call that triggers a campaign, parsed into our words. Vendor pages: campaign-execute, api-triggered-campaigns. */
import type { BatchRequest, Recipient, TargetKind } from '#domain/batch.ts';
import type { Channel } from '#domain/campaign.ts';
import type { CampaignId } from '#domain/ids.ts';
import { ID_LENGTH_MAX, SCHEDULE_AHEAD_MAX_MS } from '#domain/request.ts';
import type { Instant } from '#domain/time.ts';
import { didYouMean } from '#engine/manifest/closest.ts';
import type { Templates } from '#ports/templates.ts';
import type { Breathe } from '../json-in-slices.ts';
import { below, blame, mapOf, refuseFaults, switchOf, textOf, wholeBody } from '../call-fields.ts';
import type { Field } from '../call-fields.ts';
import { recipientsOf } from './xtremepush-targets.ts';
import { PUSH_FIELDS, overridesOf } from './xtremepush-texts.ts';
import { instantOf } from './xtremepush-time.ts';

/** The vendor's words for what users are named by; `external_id` and `profile_id` are older and newer ones of the same. */
const TARGET_KINDS = new Map<string, TargetKind>(
  Object.entries({
    user_id: 'user_id',
    external_id: 'user_id',
    email: 'email',
    mobile_number: 'phone',
    id: 'internal_id',
    profile_id: 'internal_id',
  } as const),
);
/** Where nothing is said: the vendor's samples have numbers there, its clients also user ids. */
const TARGET_KIND_DEFAULT: TargetKind = 'internal_or_user_id';
/** By which a profile can be created. */
const CREATING_KINDS: readonly TargetKind[] = ['user_id', 'internal_or_user_id'];

/** What is read of the body. */
const FIELDS = [
  'apptoken',
  'id',
  'target',
  'target_by',
  'target_with_params',
  'target_existing_only',
  'params',
  'time',
  'async',
  'messages',
  ...PUSH_FIELDS,
];
/** Properties of the vendor's campaigns that ours do not have, and what to do instead. */
const NOT_HERE = new Map(
  Object.entries({
    conditions: 'is not supported: name the users in target',
    segment: 'is not supported: name the users in target',
    segments: 'is not supported: name the users in target',
    broadcast: 'is not supported: name the users in target',
    encryption: 'is not supported: leave it out',
    push_icon: 'is not supported: set the icon in the app, or send it with payload_add',
    page: 'is not supported: give the address of a page in url',
    url_browser: 'is not supported: whether the address opens in the browser is up to the app',
    android_push: 'is not supported: the channels are those of the campaign',
    ios_push: 'is not supported: the channels are those of the campaign',
    web_push: 'is not supported: the channels are those of the campaign',
    title: 'is the name of a campaign, which a call does not change; the title of a push is push_title',
    text: 'is not supported: the text of a push is push_text, others are in messages',
    locations: 'is not supported: leave it out',
  }),
);
/** Switches of the vendor's that may be sent switched off. */
const SWITCHES = ['broadcast', 'encryption', 'url_browser'];

/** A call, with the users it is for. */
export interface ExecuteCall {
  request: BatchRequest;
  recipients: Recipient[];
}

/** What the call is read with. */
export interface ExecuteTools {
  now: Instant;
  templates: Templates;
  breathe: Breathe;
  /** Those of the campaign. */
  channels: ReadonlySet<Channel>;
}

/** The campaign a call is about, as text. @throws {Refusal} invalid. */
export function campaignIdOf(body: unknown): CampaignId {
  const call = wholeBody(body);
  const id = readId(call);
  refuseFaults(call);
  return id!;
}

function readId(call: Field): CampaignId | undefined {
  const field = below(call, 'id');
  const id = textOf(field, ID_LENGTH_MAX)?.trim();
  if (field.value === undefined || id === '') return blame(field, 'is missing: give the id of the campaign');
  return id;
}

/** Parses a call. @throws {Refusal} invalid, naming all that is wrong in the vendor's own field names. */
export async function executeCall(body: unknown, tools: ExecuteTools): Promise<ExecuteCall> {
  const call = wholeBody(body);
  refuseUnknown(call);
  const targetKind = readTargetKind(below(call, 'target_by'));
  const createsUsers = readCreatesUsers(call, targetKind);
  const params = mapOf(below(call, 'params')) ?? {};
  const request: BatchRequest = {
    campaignIds: [readId(call) ?? ''],
    mode: 'all',
    ttl: null,
    startAt: readTime(below(call, 'time'), tools.now),
    params,
    overrides: overridesOf(call, tools.channels, tools.templates),
    reference: textOf(below(below(call, 'params'), 'external_message_id'), ID_LENGTH_MAX) ?? null,
    targetKind,
    unknownUsers: createsUsers ? 'create' : 'skip',
  };
  refuseWaiting(below(call, 'async'));
  const recipients = await recipientsOf(call, { kind: targetKind, writesProfiles: createsUsers }, tools.breathe);
  refuseFaults(call);
  return { request, recipients };
}

function refuseUnknown(call: Field): void {
  for (const name of Object.keys(mapOf(call)!)) {
    if (FIELDS.includes(name)) continue;
    const field = below(call, name);
    const why = NOT_HERE.get(name) ?? `is not known here; ${didYouMean(name, FIELDS)}`;
    const isOff = SWITCHES.includes(name) && switchOf({ ...field, faults: [] }) === false;
    if (field.value !== undefined && !isOff) blame(field, why);
  }
}

function readTargetKind(field: Field): TargetKind {
  const { value } = field;
  if (value === undefined) return TARGET_KIND_DEFAULT;
  const kind = typeof value === 'string' ? TARGET_KINDS.get(value) : undefined;
  if (kind === undefined) blame(field, `must be one of ${[...TARGET_KINDS.keys()].join(', ')}`);
  return kind ?? TARGET_KIND_DEFAULT;
}

/** `target_existing_only: 0`. */
function readCreatesUsers(call: Field, kind: TargetKind): boolean {
  const field = below(call, 'target_existing_only');
  const creates = switchOf(field) === false;
  if (creates && !CREATING_KINDS.includes(kind)) {
    blame(field, 'makes users by their user id: set target_by to "user_id"');
  }
  return creates;
}

function readTime(field: Field, now: Instant): Instant | null {
  if (field.value === undefined) return null;
  const at = instantOf(field.value);
  if (at === null) blame(field, 'must be a time with its zone, such as "2027-01-01 12:00 UTC" or 2027-01-01T12:00:00Z');
  else if (at > now + SCHEDULE_AHEAD_MAX_MS) blame(field, 'is more than 90 days ahead');
  return at;
}

function refuseWaiting(field: Field): void {
  if (switchOf(field) === false) {
    blame(field, 'must be left out: no call waits for the delivery; webhooks and GET /v1/batches/{id} tell of it');
  }
}
