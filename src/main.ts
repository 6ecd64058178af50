/** The only file that knows everyone: configuration, adapters, the engine, the server, and the command line. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Kysely, PostgresDialect } from 'kysely';
import pino from 'pino';
import type { Logger } from 'pino';
import { showDemo } from '#cli/demo.ts';
import { buildProgram } from '#cli/program.ts';
import { runProgram } from '#cli/run.ts';
import type { StartOptions } from '#cli/start-options.ts';
import { adminKey, addresses, dataDirectory, nodeName } from '#config.ts';
import { atMost } from '#engine/at-most.ts';
import { startEngine } from '#engine/engine.ts';
import { createAuth } from '#http/auth.ts';
import { createServer as createApi } from '#http/server.ts';
import type { Clock } from '#ports/clock.ts';
import type { MailIn } from '#ports/mail-in.ts';
import type { Vault } from '#ports/sealer.ts';
import { StoreUnavailableError } from '#ports/unavailable.ts';
import { eventWriter } from '#outbound/event-writer.ts';
import { guardedConnector } from '#outbound/guarded-connector.ts';
import { webhookSender } from '#outbound/webhook-sender.ts';
import { answerStore } from '#postgres/answer-store.ts';
import { batchStore } from '#postgres/batch-store.ts';
import { circuitStore } from '#postgres/circuit-store.ts';
import { configStore } from '#postgres/config-store.ts';
import { openDatabase, readBuckets } from '#postgres/connection.ts';
import type { Address, Database } from '#postgres/connection.ts';
import { startEmbeddedPostgres } from '#postgres/embedded.ts';
import { eventStore } from '#postgres/event-store.ts';
import { fileStore } from '#postgres/file-store.ts';
import { migrate } from '#postgres/migrate.ts';
import { nodeStore } from '#postgres/node-store.ts';
import { profileStore } from '#postgres/profile-store.ts';
import { receiptStore } from '#postgres/receipt-store.ts';
import { sendoutStore } from '#postgres/sendout-store.ts';
import { statsStore } from '#postgres/stats-store.ts';
import { suppressionStore } from '#postgres/suppression-store.ts';
import { tokenStore } from '#postgres/token-store.ts';
import { trackingStore } from '#postgres/tracking-store.ts';
import { transactionStore } from '#postgres/transaction-store.ts';
import { uploadStore } from '#postgres/upload-store.ts';
import { webhookStore } from '#postgres/webhook-store.ts';
import { PROVIDER_TYPES, providerType } from '#providers/catalog.ts';
import { hookCaller } from '#providers/hook.ts';
import type { MailServer } from '#smtp/mail-server.ts';
import { mailboxes } from '#smtp/mailboxes.ts';
import { createTwigTemplates } from '#templates/twig.ts';
import { openVault } from '#vault.ts';

/** How long a start waits for a PostgreSQL that is not there yet. */
const DATABASE_WAIT_MS = 60_000;
/** When after the start its garbage is collected. */
const SETTLE_MS = 3_000;
/** How long a stop waits for requests to be answered; one that waits for a database that is away must not hold it up. */
const ANSWER_MS = 2_000;
/** A database that does not answer for so long is not ready. */
const READY_MS = 2_000;
/** A stop that takes longer is forced. */
const STOP_MAX_MS = 10_000;

const clock: Clock = {
  now: Date.now,
  at: (instant, callback) => {
    const timer = setTimeout(callback, Math.max(0, instant - Date.now()));
    return () => clearTimeout(timer);
  },
};

interface OpenedDatabase {
  database: Database;
  queries: Kysely<unknown>;
  close(): Promise<void>;
}

/** Finds or starts PostgreSQL and brings its schema up to date. */
async function openStores(
  options: Pick<StartOptions, 'databaseUrl' | 'dataDir'>,
  log: Logger,
): Promise<OpenedDatabase> {
  const embedded =
    options.databaseUrl === null
      ? await startEmbeddedPostgres({ dataDir: options.dataDir, log: (line) => log.info({ line }, 'postgres') })
      : null;
  const address: Address = embedded?.connection ?? { url: options.databaseUrl! };
  const database = openDatabase(address, log);
  const queries = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: database.queries }) });
  const close = async () => {
    await database.close();
    await embedded?.stop();
  };
  try {
    const ran = await whenThere(() => migrate(queries), log);
    if (ran.length > 0) log.info({ migrations: ran }, 'the database schema was brought up to date');
    database.buckets = await readBuckets(database);
    return { database, queries, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A PostgreSQL that starts at the same time as we do gets a while. */
async function whenThere<Result>(work: () => Promise<Result>, log: Logger): Promise<Result> {
  const until = clock.now() + DATABASE_WAIT_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || clock.now() > until) throw error;
      log.warn({ error: (error.cause as Error).message }, 'waiting for PostgreSQL');
      await sleep(1_000);
    }
  }
}

/** JSON lines on standard error. */
function openLog(level: string): Logger {
  const serializers = { error: pino.stdSerializers.errWithCause };
  return pino({ level, base: null, serializers }, pino.destination({ dest: 2, sync: false }));
}

/** Everything that is kept in the database. */
function storesOf(database: Database, queries: Kysely<unknown>, vault: Vault) {
  return {
    transactions: transactionStore(database, queries),
    profiles: profileStore(database, clock),
    events: eventStore(database, queries, clock),
    files: fileStore(database),
    stats: statsStore(database),
    batches: batchStore(database, queries),
    answers: answerStore(database),
    uploads: uploadStore(database),
    sendouts: sendoutStore(database),
    suppressionStore: suppressionStore(database, queries),
    tracked: trackingStore(database),
    tokenStore: tokenStore(database),
    webhookStore: webhookStore(database, queries),
    receipts: receiptStore(database),
    nodes: nodeStore(database),
    circuits: circuitStore(database),
    config: configStore(database, vault),
  };
}

/** Opens all of that; the database is closed again where its credentials cannot be read. */
async function openAll(options: Pick<StartOptions, 'databaseUrl' | 'dataDir'>, log: Logger) {
  const opened = await openStores(options, log);
  const { database, queries, close } = opened;
  try {
    const vault = await openVault(database, options, process.env['CAROM_SECRET_KEY'], log);
    return { ...opened, stores: storesOf(database, queries, vault) };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs a node until it is told to stop. */
async function start(given: StartOptions): Promise<void> {
  const options = { ...given, dataDir: dataDirectory(given), port: given.port || (await freePort(given.host)) };
  const level = process.env['CAROM_LOG_LEVEL'] ?? (options.demo ? 'warn' : 'info');
  const log = openLog(level);
  const admin = await adminKey(options.dataDir, process.env['CAROM_ADMIN_KEY']);
  const { database, stores, close } = await openAll(options, log);
  const address = addresses(options);
  const templates = createTwigTemplates();
  const hooks = hookCaller({ templates, clock, log, connector: guardedConnector });
  const mailIn = mailboxes();
  const outside = { templates, clock, log, publicUrl: address.public, connector: guardedConnector, mailIn };
  const engine = await startEngine({
    ...stores,
    templates,
    hooks,
    webhookSender: webhookSender(clock, `Carom/${VERSION}`),
    writeEvent: eventWriter(address.public),
    clock,
    log,
    publicUrl: address.public,
    nodeName: nodeName(),
    works: options.role !== 'api',
    staysOpen: ({ type }) => PROVIDER_TYPES.some((one) => one.type === type && one.staysOpen),
    openProvider: (config, tools) => providerType(config.type).open(config, { ...tools, ...outside }),
  });
  let isStopping = false;
  const server = createApi(
    {
      engine,
      auth: createAuth(engine.config, admin.sha256),
      ...stores,
      webhookCalls: stores.webhookStore,
      templates,
      hooks,
      providerTypes: PROVIDER_TYPES,
      clock,
      log,
      publicUrl: address.public,
      version: VERSION,
      checkReady: () => ready(database),
      isStopping: () => isStopping,
    },
    options.role,
  );

  let mail: MailServer | null = null;
  const stop = onlyOnce(async () => {
    isStopping = true;
    const forced = setTimeout(() => process.exit(1), STOP_MAX_MS);
    await atMost(ANSWER_MS, Promise.all([server.close(), mail?.close()]));
    await engine.stop();
    await close();
    clearTimeout(forced);
  });
  // A call to a provider may still be under way; its answer has nobody to take it any more.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop().then(() => process.exit()));
  try {
    mail = await takeMail(options, mailIn, log);
    await server.listen({ port: options.port, host: options.host });
  } catch (error) {
    await stop();
    throw listenError(error, options);
  }
  if (admin.isNew) say(`operator's key (shown once, kept in ${options.dataDir}/admin.key): ${admin.key}`);
  say(`listening on ${address.own}`);
  if (options.demo) await showDemo({ url: address.own, adminKey: admin.key });
  setTimeout(collectGarbage, SETTLE_MS).unref();
}

/** Starts the mail server for bounces, if there is to be one; nodes without it do not load it. */
async function takeMail({ smtp, host }: StartOptions, mailIn: MailIn, log: Logger): Promise<MailServer | null> {
  if (!smtp) return null;
  const { port, tlsFiles } = smtp;
  const { startMailServer } = await import('#smtp/mail-server.ts');
  try {
    const tls = tlsFiles && { cert: readFileSync(tlsFiles.cert, 'utf8'), key: readFileSync(tlsFiles.key, 'utf8') };
    const mail = await startMailServer({ port, host, tls }, mailIn, log);
    say(`taking mail on ${host}:${mail.port}`);
    return mail;
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`no mail can be taken: ${message}; see --smtp-port, --smtp-cert and --smtp-key`, { cause: error });
  }
}

/** @throws {StoreUnavailableError} also when PostgreSQL merely hangs: whoever asks wants to know now. */
async function ready(database: Database): Promise<void> {
  let isReady = false;
  await atMost(
    READY_MS,
    readBuckets(database).then(() => (isReady = true)),
  );
  if (!isReady) throw new StoreUnavailableError('PostgreSQL does not answer');
}

/** What only the start needed is garbage by now, a third of the heap; left alone, an idle V8 would keep it for hours. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as (options: object) => void)({ type: 'major', flavor: 'last-resort' });
}

/** For port 0: one that is free now; it has to be known before the first message can say where its receipts go. */
async function freePort(host: string): Promise<number> {
  const probe = createServer().listen(0, host);
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

function listenError(error: unknown, { port, host }: StartOptions): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return new Error(`port ${port} is in use on ${host}; stop what uses it, or choose another with --port`);
  if (code === 'EACCES') return new Error(`port ${port} needs privileges; choose one above 1023 with --port`);
  return error;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function onlyOnce(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () => (done ??= work());
}

const VERSION = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
  .version;

await runProgram(
  buildProgram({
    start,
    migrate: async (options) => {
      const { close } = await openStores(options, openLog('info'));
      await close();
    },
  }),
);
