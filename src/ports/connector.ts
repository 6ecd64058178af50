/** Making connections, in a shape that an HTTP client takes. */
import type { Socket } from 'node:net';

/** What is to be connected to. */
export interface ConnectTarget {
  hostname: string;
  host?: string;
  /** `http:` or `https:`. */
  protocol: string;
  /** Empty: the protocol's own. */
  port: string;
  servername?: string;
  localAddress?: string | null;
  httpSocket?: Socket;
}

/** Connects, and says so; a failure is told, never thrown. */
export type Connector = (target: ConnectTarget, callback: (...outcome: [null, Socket] | [Error, null]) => void) => void;
