/** `carom campaigns`: look at them, start, pause, end and preview them. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { stringify } from 'yaml';
import type { CampaignVerb } from '#domain/campaign.ts';
import { table } from './cells.ts';
import { listAll } from './client.ts';
import { answer, clientCommand, openSession } from './client-command.ts';
import type { CliIo } from './io.ts';
import { paint, toneOf } from './paint.ts';
import type { Style } from './paint.ts';
import { addPair, jsonObject, together } from './pairs.ts';

/** One is named in `provider`, several in `providers`. */
interface MessageView {
  channel?: string;
  provider?: string;
  /** A map where more is said about one. */
  providers?: (string | { id: string })[];
}

/** A campaign is a message itself, or has several, or stages with one or several. */
interface CampaignView extends MessageView {
  id: string;
  name: string;
  state: string;
  version: number;
  messages?: MessageView[];
  stages?: (MessageView & { messages?: MessageView[] })[];
}

const VERBS: [verb: CampaignVerb, description: string][] = [
  ['start', 'let it be triggered'],
  ['pause', 'for a while: its untriggered legs are skipped, chains move on'],
  ['end', 'for good'],
];

/** The command and its subcommands. */
export function campaignCommands(program: CommandUnknownOpts, io: CliIo): void {
  const campaigns = program.command('campaigns').description('list, show, start, pause, end and preview campaigns');
  clientCommand(campaigns, 'list', true)
    .description('all of them (what "carom campaigns" does)')
    .action(async (options) => {
      const session = await openSession(options, io);
      const all = await listAll<CampaignView>(session.client, '/v1/campaigns');
      answer(session, all, () =>
        all.length === 0 ? 'there are no campaigns; apply a manifest' : tableOf(all, session.style),
      );
    });
  clientCommand(campaigns, 'show')
    .description('one, with its content')
    .argument('<id>')
    .action(async (id, options) => {
      const session = await openSession(options, io);
      const { body } = await session.client.request('GET', pathOf(id));
      answer(session, body, () => stringify(body).trimEnd());
    });
  for (const [verb, description] of VERBS) verbCommand(campaigns, verb, description, io);
  previewCommand(campaigns, io);
}

function tableOf(campaigns: CampaignView[], style: Style): string {
  const rows = campaigns.map((campaign) => {
    const { id, state, version, name } = campaign;
    const messages = messagesOf(campaign);
    const channels = messages.flatMap(({ channel }) => channel ?? []);
    const providers = messages.flatMap(({ provider, providers: several }) => several?.map(idOf) ?? provider ?? []);
    return [id, state, String(version), listed(channels), listed(providers), name];
  });
  return table(['id', 'state', 'version', 'channel', 'providers', 'name'], rows, style);
}

function messagesOf({ messages, stages, ...message }: CampaignView): MessageView[] {
  if (stages) return stages.flatMap((stage) => stage.messages ?? stage);
  return messages ?? [message];
}

function idOf(provider: string | { id: string }): string {
  return typeof provider === 'string' ? provider : provider.id;
}

function listed(names: string[]): string {
  return [...new Set(names)].join(', ');
}

function verbCommand(campaigns: CommandUnknownOpts, verb: CampaignVerb, description: string, io: CliIo): void {
  clientCommand(campaigns, verb)
    .description(description)
    .argument('<id>')
    .action(async (id, options) => {
      const session = await openSession(options, io);
      const { body } = await session.client.request('POST', `${pathOf(id)}/${verb}`);
      const { state } = body as CampaignView;
      answer(session, body, () => `campaign ${id} is ${paint(state, toneOf(state), session.style)}`);
    });
}

function previewCommand(campaigns: CommandUnknownOpts, io: CliIo): void {
  clientCommand(campaigns, 'preview')
    .description('what it would say, to a user and with these values')
    .argument('<id>')
    .option('--user <id>', 'with this user’s profile')
    .option('--phone <number>', 'instead of the profile’s')
    .option('--email <address>', 'instead of the profile’s')
    .option('--token <name=value>', 'for {{ token.name }}; repeat it for more', addPair)
    .option('--token-json <object>', 'the same as a JSON object; --token adds to it', jsonObject)
    .option('--param <name=value>', 'for {{ name }}; repeat it for more', addPair)
    .action(async (id, options) => {
      const session = await openSession(options, io);
      const { user: userId, phone, email, param: params } = options;
      const body = { userId, phone, email, token: together(options.tokenJson, options.token), params };
      const { body: preview } = await session.client.request('POST', `${pathOf(id)}/preview`, { body });
      answer(session, preview, () => stringify(withoutNulls(preview)).trimEnd());
    });
}

/** What a message does not have need not be read; nor the list of messages where there is one. */
function withoutNulls(preview: unknown): object {
  const { messages = [], ...first } = Object(preview) as { messages?: object[] };
  const given = (part: object) => Object.fromEntries(Object.entries(part).filter(([, value]) => value !== null));
  if (messages.length < 2) return given(first);
  const { campaignId, version } = first as { campaignId?: string; version?: number };
  return { campaignId, version, messages: messages.map(given) };
}

function pathOf(id: string): string {
  return `/v1/campaigns/${encodeURIComponent(id)}`;
}
