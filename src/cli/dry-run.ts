/** What a trigger would send, drawn for people. */
import { clean } from './cells.ts';
import { paint } from './paint.ts';
import type { Style } from './paint.ts';

/** `POST /v1/transactions?dryRun=true`: of each leg, the message it would send, or why it would send none. */
export interface DryRunView {
  legs: { position: number; campaignId: string; state: string; reason: string | null; message: MessageView | null }[];
}

type MessageView = { channel: string; provider: string; to: string } & Record<string, unknown>;

/** Said in the line above the fields, or known to whoever triggers. */
const NOT_FIELDS = new Set(['channel', 'provider', 'to', 'txnId', 'campaignId', 'userId']);

/** One paragraph per leg. */
export function drawDryRun({ legs }: DryRunView, style: Style): string {
  const drawn = legs.flatMap(({ position, campaignId, state, reason, message }) => {
    const leg = `${position} ${paint(clean(campaignId), 'strong', style)}`;
    if (message === null)
      return [`${leg}  ${paint(clean(`${state}: ${reason}`), state === 'rejected' ? 'bad' : 'doubtful', style)}`];
    const { channel, provider, to } = message;
    return [`${leg}  ${clean(`${channel} through ${provider} to ${to}`)}`, ...fieldsOf(message, style)];
  });
  return [...drawn, paint('this was a dry run: nothing is sent', 'quiet', style)].join('\n');
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
