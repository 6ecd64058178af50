/** What the doctor asks about what is configured: accounts, campaigns, providers, and whether vendors can reach us. */
import { ServerRefusal, listAll } from './client.ts';
import type { Client } from './client.ts';
import { failed, fine, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import type { ProviderView } from './providers.ts';

/** The provider that is played by Carom itself: nobody has to call back from outside. */
const SANDBOX = 'sandbox';
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\]|0\.0\.0\.0)$/;

const APPLY = 'apply a manifest: carom apply examples/demo.yaml';

/** How many accounts there are; nothing where the key is an account's own. */
export async function checkAccounts(client: Client): Promise<Finding[]> {
  try {
    const accounts = await listAll<{ id: string }>(client, '/v1/accounts');
    if (accounts.length === 0) return [warning('accounts', 'none', APPLY)];
    return [fine('accounts', `${accounts.length} (${accounts.map(({ id }) => id).join(', ')})`)];
  } catch (error) {
    if (error instanceof ServerRefusal && error.status === 403) return [];
    return [failed('accounts', error, 'try again; the server’s log says more')];
  }
}

/** What is set up in the account. */
export async function checkConfiguration(client: Client): Promise<Finding[]> {
  try {
    const campaigns = await listAll<{ state: string }>(client, '/v1/campaigns');
    const running = campaigns.filter(({ state }) => state === 'running').length;
    const providers = await listAll<ProviderView>(client, '/v1/providers');
    return [
      running > 0
        ? fine('campaigns', `${campaigns.length}, of these ${running} running`)
        : warning(
            'campaigns',
            `${campaigns.length}, none running`,
            campaigns.length === 0 ? APPLY : 'carom campaigns start ID',
          ),
      providers.length > 0 ? fine('providers', String(providers.length)) : warning('providers', 'none', APPLY),
      await checkReceipts(client, providers),
    ];
  } catch (error) {
    return [failed('configuration', error, 'try again; the server’s log says more')];
  }
}

/** Whether vendors are given an address that they can call. All of a server's addresses begin alike: one is enough. */
async function checkReceipts(client: Client, providers: ProviderView[]): Promise<Finding> {
  const check = 'receipts';
  const reporting = providers.find(({ type, receipts }) => type !== SANDBOX && receipts !== 'none');
  if (!reporting) return fine(check, 'no provider outside reports to here');
  const url = await receiptUrlOf(client, reporting);
  if (url === null) {
    return warning(check, 'the key may not see where vendors report', 'use a key with the scope "admin" for this');
  }
  const remedy = 'start the server with CAROM_PUBLIC_URL (or --public-url), its address as vendors see it';
  if (!URL.canParse(url))
    return { check, result: 'failure', what: `vendors are given "${url}", which is no address`, remedy };
  const { hostname, origin } = new URL(url);
  if (LOOPBACK.test(hostname)) return warning(check, `vendors cannot call back to ${origin} (${reporting.id})`, remedy);
  return fine(check, `vendors report to ${origin}`);
}

/** Null: the key lacks the scope. */
async function receiptUrlOf(client: Client, { id }: ProviderView): Promise<string | null> {
  try {
    const { body } = await client.request('GET', `/v1/providers/${encodeURIComponent(id)}`);
    return (body as { receiptUrl: string }).receiptUrl;
  } catch (error) {
    if (error instanceof ServerRefusal && error.status === 403) return null;
    throw error;
  }
}
