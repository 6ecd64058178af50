/** `carom batches`: look at them, follow one, pause, resume and cancel it. */
import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { BatchVerb } from '#domain/batch.ts';
import { drawBatches, drawProgress, drawRecipients } from './batch-view.ts';
import type { BatchDetail, BatchView } from './batch-view.ts';
import { answer, clientCommand, openSession } from './client-command.ts';
import type { Session } from './client-command.ts';
import { CommandFailure } from './failure.ts';
import type { CliIo } from './io.ts';
import { paint, toneOf } from './paint.ts';

/** Batches and recipients shown where nothing else is asked for. */
const SHOWN_DEFAULT = 20;
const SHOWN_MAX = 200;
/** Between two looks. */
const POLL_MS = 500;

const VERBS: [verb: BatchVerb, description: string][] = [
  ['pause', 'nothing more is sent to those who wait; what is under way goes on'],
  ['resume', 'go on with a paused one'],
  ['cancel', 'for good: nothing more is sent, and its transactions are cancelled'],
];

const EXAMPLES = `
With --follow the exit status says how it ended: 0, or 1 where it was cancelled.

Examples:
  carom batches
  carom batches show 019f3a1c-8a3f-7c1e-9d2a-3f0000000012 --follow
  carom batches show 019f3a1c-8a3f-7c1e-9d2a-3f0000000012 --state refused
`;

/** The command and its subcommands. */
export function batchCommands(program: CommandUnknownOpts, io: CliIo): void {
  const batches = program.command('batches').description('list, follow, pause, resume and cancel batches');
  clientCommand(batches, 'list', true)
    .description('the newest (what "carom batches" does)')
    .option('--limit <n>', `at most so many (default ${SHOWN_DEFAULT}, up to ${SHOWN_MAX})`, limitOf)
    .action(async (options) => {
      const session = await openSession(options, io);
      const query = { limit: String(options.limit ?? SHOWN_DEFAULT) };
      const { body } = await session.client.request('GET', '/v1/batches', { query });
      const { data } = body as { data: BatchView[] };
      answer(session, data, () => (data.length === 0 ? 'there are no batches' : drawBatches(data, session.style)));
    });
  clientCommand(batches, 'show')
    .description('one, with what became of its recipients')
    .argument('<id>')
    .option('--follow', 'with a bar, until it ends')
    .option('--state <state>', 'only recipients in this state: waiting, refused, failed, …')
    .option('--limit <n>', `so many recipients (default ${SHOWN_DEFAULT}, up to ${SHOWN_MAX})`, limitOf)
    .addHelpText('after', EXAMPLES)
    .action(async (id, options) => {
      const session = await openSession(options, io);
      const query = { state: options.state, limit: String(options.limit ?? SHOWN_DEFAULT) };
      const batch = options.follow ? await followBatch(session, id, query) : await load(session, id, query);
      answer(session, batch, () => draw(batch, session));
      if (options.follow && batch.state === 'cancelled') throw new CommandFailure('the batch was cancelled');
    });
  for (const [verb, description] of VERBS) {
    clientCommand(batches, verb)
      .description(description)
      .argument('<id>')
      .action(async (id, options) => {
        const session = await openSession(options, io);
        const { body } = await session.client.request('POST', `${pathOf(id)}/${verb}`);
        const { state } = body as BatchView;
        answer(session, body, () => `batch ${id} is ${paint(state, toneOf(state), session.style)}`);
      });
  }
}

type Query = Record<string, string | undefined>;

async function load({ client }: Session, id: string, query: Query): Promise<BatchDetail> {
  const { body } = await client.request('GET', pathOf(id), { query });
  return body as BatchDetail;
}

/** Looks again and again until it has ended. On a terminal the bar stays in its place. */
export async function followBatch(session: Session, id: string, query: Query): Promise<BatchDetail> {
  const { io, json, style } = session;
  const redraws = io.isTty && !json;
  for (let height = 0; ;) {
    const batch = await load(session, id, query);
    const back = height === 0 ? '' : `\u001b[${height}A\u001b[J`;
    if (batch.endedAt !== null) {
      if (redraws) io.out(back);
      return batch;
    }
    if (redraws) {
      const text = `${drawProgress(batch, style)}\n`;
      io.out(back + text);
      height = text.split('\n').length - 1;
    }
    await io.sleep(POLL_MS);
  }
}

function draw(batch: BatchDetail, { style }: Session): string {
  const more = batch.next === null ? [] : ['… and more: --limit, --state, or GET /v1/batches/{id}?cursor='];
  const recipients = batch.recipients.length === 0 ? [] : [drawRecipients(batch.recipients, style)];
  return [drawProgress(batch, style), ...recipients, ...more].join('\n\n');
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= SHOWN_MAX) return limit;
  throw new InvalidArgumentError(`"${text}" is no whole number from 1 to ${SHOWN_MAX}.`);
}

function pathOf(id: string): string {
  return `/v1/batches/${encodeURIComponent(id)}`;
}
