/** Our API: an account's whole configuration, read and written in one piece. */
import type { FastifyRequest } from 'fastify';
import { applyManifest } from '#engine/manifest/apply.ts';
import { manifestOf } from '#engine/manifest/of.ts';
import { accountNamedIn } from '#engine/manifest/read.ts';
import type { ApiTools } from '../api-tools.ts';
import { flag } from '../query.ts';
import { Refusal } from '../refusal.ts';
import { callerAccount, callerOf } from './entry.ts';
import { faultRefusal } from './fault-refusal.ts';

/** Bytes of a manifest. */
const MANIFEST_MAX_BYTES = 5 * 1_048_576;

/** The endpoints; `registerRoutes` gives them their URLs. */
export function manifestEndpoints({ engine, templates, providerTypes, hooks, files, clock }: ApiTools) {
  const { config, webhooks } = engine;
  const tools = { config, templates, providerTypes, hooks, files, clock, sender: webhooks };
  return {
    get: {
      config: { scope: 'admin' as const },
      handler: async (request: FastifyRequest) => {
        await config.refresh();
        return manifestOf(config, callerAccount(request).id, providerTypes);
      },
    },

    put: {
      bodyLimit: MANIFEST_MAX_BYTES,
      // The account is in the body, and may not exist yet.
      config: { scope: 'admin' as const, account: false },
      handler: async (request: FastifyRequest) => {
        const options = { dryRun: flag(request, 'dryRun'), prune: flag(request, 'prune') };
        const { accountId } = callerOf(request);
        const named = accountNamedIn(request.body);
        if (accountId !== null && named !== null && named !== accountId) {
          throw new Refusal(
            'not_found',
            `there is no account "${named}" for this key; the operator's key can make one`,
          );
        }
        const manifest = accountId === null ? request.body : ofAccount(request.body, accountId);
        if (accountId !== null) refuseNetworkChange(manifest, config.account(accountId)?.privateNetwork);
        const outcome = await applyManifest(tools, manifest, options);
        if (outcome.kind === 'refused') throw faultRefusal(outcome.faults);
        return { applied: outcome.kind === 'applied', changes: outcome.changes };
      },
    },
  };
}

/** An account must not let itself into the operator's network. What changes nothing may stay. */
function refuseNetworkChange(manifest: unknown, stored: 'allow' | undefined): void {
  const wanted = Object(manifest) as { privateNetwork?: unknown };
  if (wanted.privateNetwork === undefined || wanted.privateNetwork === (stored ?? 'refuse')) return;
  throw new Refusal('forbidden', 'only the operator\'s key may change "privateNetwork"; leave it out');
}

/** A manifest without an account is about the key's own. */
function ofAccount(manifest: unknown, account: string): unknown {
  const namesNone =
    typeof manifest === 'object' && manifest !== null && !Array.isArray(manifest) && !('account' in manifest);
  return namesNone ? { account, ...manifest } : manifest;
}
