/** What a trigger would send, drawn for people. */
import { clean } from './cells.ts';
import { paint } from './paint.ts';
import type { Style } from './paint.ts';

/** `POST /v1/transactions?dryRun=true`: of each leg, the messages it would send, or why it would send none. */
export interface DryRunView {
  legs: (PartView & { position: number; campaignId: string; messages: StagedView[]; hooks: StagedView[] })[];
}

/** A message; or a hook, which has a method and a url instead. */
interface PartView {
  state: string;
  reason: string | null;
  message?: MessageView | null;
  method?: string;
  url?: string;
}

type StagedView = PartView & { stage: number; channel?: string };
type MessageView = { channel: string; provider: string; to: string } & Record<string, unknown>;

/** Said in the line above the fields, or known to whoever triggers. */
const NOT_FIELDS = new Set(['channel', 'provider', 'to', 'txnId', 'campaignId', 'userId']);

/** One paragraph per leg; of several messages, one below the other, in the order of their stages. */
export function drawDryRun({ legs }: DryRunView, style: Style): string {
  const drawn = legs.flatMap(({ position, campaignId, messages, hooks, ...first }) => {
    const leg = `${position} ${paint(clean(campaignId), 'strong', style)}`;
    const parts = [...messages, ...hooks].toSorted((a, b) => a.stage - b.stage);
    if (parts.length === 1) return drawPart(leg, first, style);
    return [leg, ...parts.flatMap((part) => drawPart(labelOf(part), part, style))];
  });
  return [...drawn, paint('this was a dry run: nothing is sent', 'quiet', style)].join('\n');
}

/** A message that is not sent says nothing of its channel itself. */
function labelOf({ stage, channel, message }: StagedView): string {
  return `  stage ${stage}${message === null && channel !== undefined ? ` ${channel}` : ''}`;
}

function drawPart(label: string, { state, reason, message, method, url }: PartView, style: Style): string[] {
  if (url !== undefined) return [`${label}  ${clean(`hook: ${method} ${url}`)}`];
  if (!message)
    return [`${label}  ${paint(clean(`${state}: ${reason}`), state === 'rejected' ? 'bad' : 'doubtful', style)}`];
  const { channel, provider, to } = message;
  return [`${label}  ${clean(`${channel} through ${provider} to ${to}`)}`, ...fieldsOf(message, style)];
}

function fieldsOf(message: MessageView, style: Style): string[] {
  return Object.entries(message)
    .filter(([name, value]) => value !== null && value !== undefined && !NOT_FIELDS.has(name))
    .flatMap(([name, value]) => {
      const lines = (typeof value === 'string' ? value : JSON.stringify(value)).trimEnd().split('\n');
      return lines.map(
        (line, n) => `${paint((n === 0 ? `    ${name}` : '').padEnd(14), 'quiet', style)}${clean(line)}`,
      );
    });
}
