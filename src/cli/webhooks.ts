/** `carom webhooks`: look at them and at the log of their calls, call again, try one out. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { stringify } from 'yaml';
import { table } from './cells.ts';
import { listAll } from './client.ts';
import { answer, clientCommand, openSession } from './client-command.ts';
import type { Session } from './client-command.ts';
import { usage } from './failure.ts';
import type { CliIo } from './io.ts';
import { paint } from './paint.ts';

/** Calls of a page of the log. */
const CALLS_DEFAULT = '50';

interface WebhookView {
  id: string;
  url: string;
  events: string[];
  format: string;
  enabled: boolean;
  disabledReason?: string;
}

interface CallView {
  id: string;
  type: string;
  state: string;
  attempts: number;
  status: number | null;
  error: string | null;
  at: string;
  dueAt: string | null;
}

interface TestView {
  delivered: boolean;
  status: number | null;
  error: string | null;
  tookMs: number;
}

/** The command and its subcommands. */
export function webhookCommands(program: CommandUnknownOpts, io: CliIo): void {
  const webhooks = program.command('webhooks').description('list and test webhooks, show their calls, make them again');
  clientCommand(webhooks, 'list', true)
    .description('all of them (what "carom webhooks" does)')
    .action(async (options) => {
      const session = await openSession(options, io);
      const all = await listAll<WebhookView>(session.client, '/v1/webhooks');
      answer(session, all, () =>
        all.length === 0 ? 'there are no webhooks; see docs/webhooks.md' : listOf(all, session),
      );
    });
  clientCommand(webhooks, 'show')
    .description('one, without its credentials')
    .argument('<id>')
    .action(async (id, options) => {
      const session = await openSession(options, io);
      const { body } = await session.client.request('GET', pathOf(id));
      answer(session, body, () => stringify(body).trimEnd());
    });
  clientCommand(webhooks, 'remove')
    .description('one; what waits for it is given up')
    .argument('<id>')
    .action(async (id, options) => {
      const session = await openSession(options, io);
      await session.client.request('DELETE', pathOf(id));
      answer(session, { id, removed: true }, () => `webhook ${id} is removed`);
    });
  testCommand(webhooks, io);
  callsCommand(webhooks, io);
  replayCommand(webhooks, io);
}

function listOf(all: WebhookView[], { style }: Session): string {
  const rows = all.map(({ id, enabled, format, url, events }) => [
    id,
    enabled ? 'enabled' : 'disabled',
    format,
    url,
    events.join(', '),
  ]);
  const reasons = all.flatMap(({ id, disabledReason }) => (disabledReason ? [`${id}: ${disabledReason}`] : []));
  return [table(['id', 'state', 'format', 'url', 'events'], rows, style), ...reasons].join('\n');
}

function testCommand(webhooks: CommandUnknownOpts, io: CliIo): void {
  clientCommand(webhooks, 'test')
    .description('call it now, with an event that did not happen')
    .argument('<id>')
    .action(async (id, options) => {
      const session = await openSession(options, io);
      const { body } = await session.client.request('POST', `${pathOf(id)}/test`);
      const { delivered, status, error, tookMs } = body as TestView;
      if (!delivered) io.setExitStatus(1);
      answer(session, body, () =>
        delivered
          ? paint(`answered ${status} after ${tookMs} ms`, 'good', session.style)
          : paint(`failed after ${tookMs} ms: ${error}`, 'bad', session.style),
      );
    });
}

function callsCommand(webhooks: CommandUnknownOpts, io: CliIo): void {
  clientCommand(webhooks, 'calls')
    .description('the log of its calls, newest first')
    .argument('<id>')
    .option('--state <state>', 'waiting, delivered or failed')
    .option('--since <time>', 'only events from then on (ISO 8601)')
    .option('--limit <count>', 'how many, up to 200', CALLS_DEFAULT)
    .action(async (id, options) => {
      const session = await openSession(options, io);
      const { state, since, limit } = options;
      const { body } = await session.client.request('GET', `${pathOf(id)}/calls`, { query: { state, since, limit } });
      const { data } = body as { data: CallView[] };
      const rows = data.map((call) => [
        call.at,
        call.state,
        call.type,
        String(call.attempts),
        call.status === null ? '' : String(call.status),
        call.error ?? '',
        call.id,
      ]);
      const headings = ['at', 'state', 'event', 'attempts', 'status', 'error', 'id'];
      answer(session, body, () =>
        data.length === 0 ? 'there are no such calls' : table(headings, rows, session.style),
      );
    });
}

function replayCommand(webhooks: CommandUnknownOpts, io: CliIo): void {
  clientCommand(webhooks, 'replay')
    .description('make one call again, or those of a time')
    .argument('<id>')
    .argument('[call]', 'the id of one call')
    .option('--since <time>', 'all events from then on (ISO 8601) …')
    .option('--until <time>', '… and before then (now)')
    .option('--state <state>', 'only the delivered, or the failed ones')
    .addHelpText('after', '\nExample:\n  carom webhooks replay crm --since 2026-05-21T10:00:00Z --state failed\n')
    .action(async (id, call, options) => {
      const { since, until, state } = options;
      if ((call === undefined) === (since === undefined)) throw usage('name one call, or a time with --since');
      const session = await openSession(options, io);
      if (call !== undefined) {
        const { body } = await session.client.request('POST', `${pathOf(id)}/calls/${encodeURIComponent(call)}/replay`);
        return answer(session, body, () => `call ${call} is made again`);
      }
      const { body } = await session.client.request('POST', `${pathOf(id)}/replay`, { body: { since, until, state } });
      const { replayed } = body as { replayed: number };
      answer(session, body, () => `${replayed} ${replayed === 1 ? 'call is' : 'calls are'} made again`);
    });
}

function pathOf(id: string): string {
  return `/v1/webhooks/${encodeURIComponent(id)}`;
}
