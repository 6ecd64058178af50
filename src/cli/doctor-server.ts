/** What the doctor asks a running server. */
import { ServerRefusal } from './client.ts';
import type { Client } from './client.ts';
import { failed, fine, warning } from './finding.ts';
import type { Finding } from './finding.ts';

/** Whether a server answers, and whether it is of our version. */
export async function checkServer(client: Client, ownVersion: string): Promise<Finding> {
  const check = 'server';
  try {
    const { body } = await client.request('GET', '/healthz');
    const { version } = Object(body) as { version?: string };
    if (version === ownVersion) return fine(check, `${client.url} answers, version ${version}`);
    const what = `${client.url} answers, version ${version ?? 'unknown'}; this command is ${ownVersion}`;
    return warning(check, what, 'use the same version here and there');
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
      return warning(check, error.message, 'use a key with the scope "read" for this');
    }
    // The operator's key, and more accounts than one (or none): the key is fine, the account is to be named.
    if (error instanceof ServerRefusal && error.status === 400) {
      return warning(check, `accepted, but ${error.message}`, null);
    }
    if (!(error instanceof ServerRefusal) || error.status !== 401) {
      return failed(check, error, 'try again; the server’s log says more');
    }
    return failed(
      check,
      error,
      'name a valid one with --key or CAROM_KEY; the operator makes them with "carom keys create"',
    );
  }
}
