/** A connection to a host, plain or with TLS, or the reason why there is none. */
import { connect as connectPlain, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '#ports/clock.ts';
import type { BindSettings } from './smpp-settings.ts';

/** The peer is asked by the network whether it is there, too. */
const KEEP_ALIVE_MS = 60_000;

/** Rejects with the network's error, or when it takes too long. Later errors of the socket end it. */
export function connect({ host, port, tls, timeoutMs }: BindSettings, clock: Clock): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = tls
      ? connectTls({
          host,
          port,
          ...(isIP(host) === 0 && { servername: host }),
          ...(tls.ca !== null && { ca: tls.ca }),
        })
      : connectPlain({ host, port });
    const callOff = clock.at(clock.now() + timeoutMs, () => {
      socket.destroy(new Error(`no connection within ${timeoutMs} ms`));
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('error', (error: Error) => {
      callOff();
      reject(error);
    });
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      callOff();
      resolve(socket);
    });
  });
}
