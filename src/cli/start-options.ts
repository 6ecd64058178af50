/** What `carom start` and `carom migrate` are told, by flags or by the environment; flags win. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { dataDirOf } from './client-command.ts';
import { usage } from './failure.ts';
import type { CliIo } from './io.ts';
import { DATA_DIR_DEFAULT } from './key.ts';

const PORT_DEFAULT = '8080';
const PORT_MAX = 65_535;
const HOST_DEFAULT = '127.0.0.1';
const ROLES = ['all', 'api', 'worker'] as const;

/** How one node is to run. */
export interface StartOptions {
  /** 0: any free one. */
  port: number;
  host: string;
  dataDir: string;
  /** Null: the embedded PostgreSQL. */
  databaseUrl: string | null;
  /** Null: the node's own address. */
  publicUrl: string | null;
  demo: boolean;
  role: (typeof ROLES)[number];
  /** The mail server for bounces; null: none. */
  smtp: SmtpOptions | null;
}

/** Where mail is taken, and the files of the certificate with which STARTTLS is offered; null: it is not. */
export interface SmtpOptions {
  /** 0: any free one. */
  port: number;
  tlsFiles: { cert: string; key: string } | null;
}

/** Which database is to be migrated. */
export type MigrateOptions = Pick<StartOptions, 'dataDir' | 'databaseUrl'>;

/** The work itself, handed in: commands know no database and no server. */
export interface Verbs {
  /** Resolves when the server serves. */
  start(options: StartOptions): Promise<void>;
  migrate(options: MigrateOptions): Promise<void>;
}

const DATA_DIR_HELP = `what this node keeps, the embedded PostgreSQL included (env CAROM_DATA_DIR, default ${DATA_DIR_DEFAULT})`;
const DATABASE_HELP = 'PostgreSQL 15 or newer, postgres://… (env DATABASE_URL; default: an embedded one)';

const ENVIRONMENT_HELP = `
Only in the environment, so that no process list shows them:
  CAROM_SECRET_KEY   encrypts credentials in the database (docs/secrets.md); unset, an embedded one has its own in <data-dir>/secret.key
  CAROM_ADMIN_KEY    the operator's key; unset, the first start makes one and keeps it in <data-dir>/admin.key

Examples:
  carom start
  carom start --port 9000 --data-dir /var/lib/carom
  carom start --database-url postgres://carom@db/carom --role api --public-url https://carom.example.com
`;

/** `carom start` and `carom migrate`. */
export function serverCommands(program: CommandUnknownOpts, verbs: Verbs, io: CliIo): void {
  program
    .command('start')
    .description('run a node: the API, the console and the engine')
    .option('--port <number>', `where it listens (env PORT, default ${PORT_DEFAULT}; 0: any free one)`)
    .option('--host <address>', `on which address (env HOST, default ${HOST_DEFAULT}; 0.0.0.0: on all)`)
    .option('--data-dir <dir>', DATA_DIR_HELP)
    .option('--database-url <url>', DATABASE_HELP)
    .option(
      '--public-url <url>',
      'its address as vendors and recipients see it (env CAROM_PUBLIC_URL; default: its own)',
    )
    .option('--demo', 'apply the demo’s manifest, run one transaction and draw its timeline')
    .option('--role <role>', `${ROLES.join(', ')} (env CAROM_ROLE, default all)`)
    .option('--smtp-port <number>', 'takes bounces as mail there (env CAROM_SMTP_PORT; unset: nowhere)')
    .option('--smtp-cert <file>', 'certificate in PEM, to offer STARTTLS there (env CAROM_SMTP_CERT)')
    .option('--smtp-key <file>', 'its key in PEM (env CAROM_SMTP_KEY)')
    .addHelpText('after', ENVIRONMENT_HELP)
    .action((flags) => verbs.start(startOptions(flags, io)));
  program
    .command('migrate')
    .description('bring the database’s schema up to date; "carom start" does so too')
    .option('--data-dir <dir>', DATA_DIR_HELP)
    .option('--database-url <url>', DATABASE_HELP)
    .action((flags) => verbs.migrate({ dataDir: dataDirOf(flags, io), databaseUrl: databaseUrlOf(flags, io) }));
}

interface StartFlags {
  port?: string | undefined;
  host?: string | undefined;
  dataDir?: string | undefined;
  databaseUrl?: string | undefined;
  publicUrl?: string | undefined;
  demo?: true | undefined;
  role?: string | undefined;
  smtpPort?: string | undefined;
  smtpCert?: string | undefined;
  smtpKey?: string | undefined;
}

function startOptions(flags: StartFlags, io: CliIo): StartOptions {
  const { env } = io;
  const role = roleOf(flags.role || env['CAROM_ROLE'] || 'all');
  return {
    port: portOf(flags.port || env['PORT'] || PORT_DEFAULT, '--port (or PORT)'),
    host: flags.host || env['HOST'] || HOST_DEFAULT,
    dataDir: dataDirOf(flags, io),
    databaseUrl: databaseUrlOf(flags, io),
    publicUrl: publicUrlOf(flags.publicUrl || env['CAROM_PUBLIC_URL'] || null),
    demo: flags.demo === true,
    role,
    smtp: smtpOf(flags, io, role),
  };
}

function portOf(text: string, name: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= PORT_MAX)) throw usage(`${name} must be a whole number from 0 to ${PORT_MAX}, not "${text}"`);
  return port;
}

function smtpOf(flags: StartFlags, { env }: CliIo, role: StartOptions['role']): SmtpOptions | null {
  const port = flags.smtpPort || env['CAROM_SMTP_PORT'] || null;
  const cert = flags.smtpCert || env['CAROM_SMTP_CERT'] || null;
  const key = flags.smtpKey || env['CAROM_SMTP_KEY'] || null;
  if ((cert === null) !== (key === null)) throw usage('--smtp-cert and --smtp-key go together');
  if (port === null) return null;
  // What a bounce is about is known to open providers, and a node that only serves the API opens them late.
  if (role === 'api') throw usage('--smtp-port (or CAROM_SMTP_PORT) needs --role all or worker');
  return {
    port: portOf(port, '--smtp-port (or CAROM_SMTP_PORT)'),
    tlsFiles: cert !== null && key !== null ? { cert, key } : null,
  };
}

function roleOf(text: string): StartOptions['role'] {
  const role = ROLES.find((known) => known === text);
  if (!role) throw usage(`--role (or CAROM_ROLE) must be one of ${ROLES.join(', ')}, not "${text}"`);
  return role;
}

function databaseUrlOf(flags: { databaseUrl?: string | undefined }, { env }: CliIo): string | null {
  const url = flags.databaseUrl || env['DATABASE_URL'] || null;
  // Its text is not repeated: it may hold a password.
  if (url !== null && !/^postgres(ql)?:\/\//.test(url))
    throw usage('--database-url (or DATABASE_URL) must begin with postgres://');
  return url;
}

function publicUrlOf(url: string | null): string | null {
  if (url === null) return null;
  const isUrl = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  if (!isUrl)
    throw usage(
      `--public-url (or CAROM_PUBLIC_URL) must be an address such as https://carom.example.com, not "${url}"`,
    );
  return url.replace(/\/+$/, '');
}
