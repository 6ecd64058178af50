/** A receiver of webhooks: a real HTTP server, and what it got, parsed and sorted by what it is about. */
/* oxlint-disable typescript/no-explicit-any -- because a body is whatever JSON came: each test asserts what it expects of it */
import { eventually } from './carom.ts';
import { json, startVendor } from './http-vendor.ts';
import type { HttpVendor, VendorCall } from './http-vendor.ts';

/** A call as the receiver got it. */
export interface ReceivedCall extends VendorCall {
  /** The header `webhook-id`. */
  id: string;
  /** The body, parsed. */
  event: any;
}

/** A running receiver. */
export interface Receiver {
  /** Where a webhook of this name is received. */
  urlOf(name: string): string;
  /** What came to the name, in the order it came. */
  callsOf(name: string): ReceivedCall[];
  /** The same, once there are so many. */
  untilCalls(name: string, count: number, timeoutMs?: number): Promise<ReceivedCall[]>;
  vendor: HttpVendor;
}

/** Starts one that takes everything. */
export async function startReceiver(): Promise<Receiver> {
  const vendor = await startVendor();
  vendor.answering = json(200, {});
  const callsOf = (name: string): ReceivedCall[] =>
    vendor.calls
      .filter(({ url }) => url === `/${name}`)
      .map((call) => ({ ...call, id: String(call.headers['webhook-id']), event: JSON.parse(call.body) }));
  return {
    vendor,
    urlOf: (name) => `${vendor.url}/${name}`,
    callsOf,
    untilCalls: (name, count, timeoutMs) =>
      eventually(
        async () => callsOf(name),
        ({ length }) => length >= count,
        timeoutMs,
      ),
  };
}
