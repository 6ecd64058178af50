/** `carom apply`: what the files say becomes so, or nothing does. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { countChanges, drawChanges } from './changes.ts';
import type { Change } from './changes.ts';
import { ServerRefusal } from './client.ts';
import type { Client } from './client.ts';
import { answer, clientCommand, openSession } from './client-command.ts';
import type { Session } from './client-command.ts';
import { CommandFailure, messageOf } from './failure.ts';
import type { CliIo } from './io.ts';
import { notApplied, readManifests } from './manifest-files.ts';
import type { Manifest } from './manifest-files.ts';
import { describeFault } from './manifest-source.ts';
import { paint } from './paint.ts';

const EXAMPLES = `
\${NAME} and \${NAME:-default} in texts come from the environment; $\${NAME} stays as \${NAME}.
Documents about one account belong together, whatever files they are in. With any fault nothing is applied.

Examples:
  carom apply examples/demo.yaml
  carom apply --dry-run manifests/
  carom apply --prune manifests/        remove what the files no longer name
`;

/** What became of one manifest, or would. */
export interface Applied {
  account: string | null;
  files: string[];
  changes: Change[];
}

/** The command. */
export function applyCommand(program: CommandUnknownOpts, io: CliIo): void {
  clientCommand(program, 'apply')
    .description('apply manifests: providers, campaigns, keys and limits of an account')
    .argument('<path...>', 'files in YAML or JSON, or folders of them')
    .option('--dry-run', 'say what would change, and change nothing')
    .option('--prune', 'remove providers, campaigns and (where it lists any) keys that the manifest does not name')
    .addHelpText('after', EXAMPLES)
    .action(async (paths, options) => {
      const session = await openSession(options, io);
      const isDry = options.dryRun === true;
      const manifests = await readManifests(paths, io.env);
      const applied = await applyManifests(session.client, manifests, { dryRun: isDry, prune: options.prune === true });
      answer(session, { dryRun: isDry, manifests: applied }, () => drawApplied(applied, isDry, session));
    });
}

/** Tries all of them first. @throws {CommandFailure} with the faults of all of them; nothing has been applied then. */
export async function applyManifests(
  client: Client,
  manifests: Manifest[],
  { dryRun, prune }: { dryRun: boolean; prune: boolean },
): Promise<Applied[]> {
  const tried: Applied[] = [];
  const faults: string[] = [];
  for (const manifest of manifests) {
    try {
      tried.push(await put(client, manifest, { dryRun: true, prune }));
    } catch (error) {
      if (!(error instanceof ServerRefusal) || error.fields.length === 0) throw error;
      faults.push(...error.fields.map(({ path, message }) => describeFault(manifest.placeOf(path), path, message)));
    }
  }
  if (faults.length > 0) throw notApplied(faults);
  if (dryRun) return tried;
  const applied: Applied[] = [];
  for (const manifest of manifests) {
    try {
      applied.push(await put(client, manifest, { dryRun: false, prune }));
    } catch (error) {
      throw applied.length === 0 ? error : halfDone(error, applied);
    }
  }
  return applied;
}

/** The trial had gone well, and then the server went away or somebody else changed something. */
function halfDone(error: unknown, applied: Applied[]): CommandFailure {
  const done = applied.flatMap(({ files }) => files).join(', ');
  return new CommandFailure(
    `${messageOf(error)}; applied before that: ${done}. Apply all of it again: what is so already stays`,
    { cause: error },
  );
}

async function put(
  client: Client,
  manifest: Manifest,
  { dryRun, prune }: { dryRun: boolean; prune: boolean },
): Promise<Applied> {
  const query = { dryRun: dryRun ? 'true' : undefined, prune: prune ? 'true' : undefined };
  const { body } = await client.request('PUT', '/v1/manifest', { query, body: manifest.content });
  const { changes = [] } = body as { changes?: Change[] };
  return { account: manifest.account, files: manifest.files, changes };
}

function drawApplied(applied: Applied[], isDry: boolean, { style }: Session): string {
  const lines = applied.flatMap(({ account, files, changes }) => [
    paint(`${account === null ? 'the key’s account' : `account ${account}`} (${files.join(', ')})`, 'strong', style),
    ...drawChanges(changes, style),
  ]);
  const count = applied.reduce((total, { changes }) => total + changes.length, 0);
  const sum = isDry
    ? `${countChanges(count)}; this was a dry run, nothing was applied`
    : `${countChanges(count)} applied`;
  return [...lines, count === 0 && !isDry ? 'nothing to change: all of it is so already' : sum].join('\n');
}
