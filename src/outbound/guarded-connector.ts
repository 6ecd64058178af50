/**
 * Connections that do not lead into private networks. What is looked at is the address that is really connected to: a name
 * is resolved once, here, and a second look at the open socket finds whatever came by another way.
 */
import { lookup } from 'node:dns';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import { buildConnector } from 'undici';
import { isPrivateAddress } from './private-addresses.ts';

/** Making a connection takes no longer, in ms; the call's own timeout may end it earlier. */
const CONNECT_TIMEOUT_MS = 10_000;

/** The address may not be called. */
export class PrivateAddressError extends Error {
  override name = 'PrivateAddressError';

  constructor(host: string) {
    super(
      `${host} is in a private network, which this account may not call; ` +
        'the operator can set "privateNetwork: allow" in its manifest',
    );
  }
}

/** Makes undici's connections; those to private addresses are refused unless they are allowed. */
export function guardedConnector(allowPrivate: boolean): buildConnector.connector {
  // HTTP/2 would let calls of several accounts share a connection.
  const options = { timeout: CONNECT_TIMEOUT_MS, allowH2: false };
  if (allowPrivate) return buildConnector(options);
  const connect = buildConnector({ ...options, lookup: publicLookup });
  return (target, callback) => {
    const host = target.hostname.replace(/^\[|\]$/g, '');
    // For an address, the system is not asked for one.
    if (isIP(host) !== 0 && isPrivateAddress(host)) return callback(new PrivateAddressError(host), null);
    connect(target, (...[error, socket]) => {
      if (error) return callback(error, null);
      const { remoteAddress } = socket;
      if (remoteAddress !== undefined && !isPrivateAddress(remoteAddress)) return callback(null, socket);
      socket.destroy();
      callback(new PrivateAddressError(host), null);
    });
  };
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** `dns.lookup`, of whose answers only the public ones are left. */
function publicLookup(hostname: string, options: LookupOptions, callback: LookupCallback): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, []);
    const allowed = addresses.filter(({ address }) => !isPrivateAddress(address));
    const [first] = allowed;
    if (!first) return callback(new PrivateAddressError(hostname), []);
    if (options.all) callback(null, allowed);
    else callback(null, first.address, first.family);
  });
}
