/** What the doctor asks a running server. */
import { ServerAbsent, ServerRefusal, listAll } from './client.ts';
import type { Client } from './client.ts';
import { CommandFailure } from './failure.ts';
import { fine } from './finding.ts';
import type { Finding } from './finding.ts';
import type { ProviderView } from './providers.ts';

/** The provider that is played by Carom itself: nobody has to call back from outside. */
const SANDBOX = 'sandbox';
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\]|0\.0\.0\.0)$/;

/** Whether a server answers, and whether it is of our version. */
export async function checkServer(client: Client, ownVersion: string): Promise<Finding> {
  const check = 'server';
  try {
    const { body } = await client.request('GET', '/healthz');
    const { version } = Object(body) as { version?: string };
    if (version === ownVersion) return fine(check, `${client.url} answers, version ${version}`);
    const what = `${client.url} answers, version ${version ?? 'unknown'}; this command is ${ownVersion}`;
    return { check, result: 'warning', what, remedy: 'use the same version here and there' };
  } catch (error) {
    return failed(check, error, 'look at the server’s log');
  }
}

/** Whether it reaches its database, and has brought its schema up to date. */
export async function checkReady(client: Client): Promise<Finding> {
  try {
    await client.request('GET', '/readyz');
    return fine('database', 'the server reaches it, and its schema is up to date');
  } catch (error) {
    return failed('database', error, 'see that PostgreSQL runs and DATABASE_URL is right; the server’s log says more');
  }
}

/** Whether the key may at least read. */
export async function checkKey(client: Client): Promise<Finding> {
  const check = 'API key';
  try {
    await client.request('GET', '/v1/campaigns', { query: { limit: '1' } });
    return fine(check, `accepted; ${client.key.origin}`);
  } catch (error) {
    if (error instanceof ServerRefusal && error.status === 403) {
      return { check, result: 'warning', what: error.message, remedy: 'use a key with the scope "read" for this' };
    }
    // The operator's key, and more accounts than one (or none): the key is fine, the account is to be named.
    if (error instanceof ServerRefusal && error.status === 400) {
      return { check, result: 'warning', what: `accepted, but ${error.message}`, remedy: null };
    }
    return failed(
      check,
      error,
      'name a valid one with --key or CAROM_KEY; the operator makes them with "carom keys create"',
    );
  }
}

/** What is set up: campaigns, providers, and whether vendors can reach us. */
export async function checkConfiguration(client: Client): Promise<Finding[]> {
  try {
    const campaigns = await listAll<{ state: string }>(client, '/v1/campaigns');
    const running = campaigns.filter(({ state }) => state === 'running').length;
    const findings = [
      running > 0
        ? fine('campaigns', `${campaigns.length}, of these ${running} running`)
        : warning('campaigns', `${campaigns.length}, none running`, 'apply a manifest: carom apply examples/demo.yaml'),
    ];
    const providers = await listAll<ProviderView>(client, '/v1/providers');
    findings.push(
      providers.length > 0
        ? fine('providers', `${providers.length}`)
        : warning('providers', 'none', 'apply a manifest that names some'),
    );
    return [...findings, checkReceiptUrls(providers)];
  } catch (error) {
    return [failed('configuration', error, 'try again; the server’s log says more')];
  }
}

/** A vendor outside cannot call back to 127.0.0.1. */
function checkReceiptUrls(providers: ProviderView[]): Finding {
  const check = 'receipts';
  const real = providers.filter(
    ({ type, receipts, receiptUrl }) => type !== SANDBOX && receipts !== 'none' && receiptUrl,
  );
  const remedy = 'start the server with CAROM_PUBLIC_URL (or --public-url), the address as vendors see it';
  const bad = real.filter(({ receiptUrl }) => !URL.canParse(receiptUrl!));
  if (bad.length > 0) return { check, result: 'failure', what: `"${bad[0]!.receiptUrl}" is no address`, remedy };
  const local = real.filter(({ receiptUrl }) => LOOPBACK.test(new URL(receiptUrl!).hostname));
  if (local.length === 0)
    return fine(
      check,
      real.length === 0 ? 'no provider outside reports to here' : 'vendors are given an address outside',
    );
  const names = local.map(({ id }) => id).join(', ');
  return warning(check, `vendors cannot call back to ${new URL(local[0]!.receiptUrl!).origin} (${names})`, remedy);
}

function warning(check: string, what: string, remedy: string): Finding {
  return { check, result: 'warning', what, remedy };
}

/** A failure that carries its own remedy where nobody answered. */
function failed(check: string, error: unknown, remedy: string): Finding {
  if (!(error instanceof CommandFailure)) throw error;
  return { check, result: 'failure', what: error.message, remedy: error instanceof ServerAbsent ? null : remedy };
}
