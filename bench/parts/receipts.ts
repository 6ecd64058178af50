/** How many receipts a second are taken: each is durable, and has ended its transaction, before it is answered. */
import type { Carom } from '../carom.ts';
import { closedLoop } from '../driver/closed-loop.ts';
import { postRequest } from '../driver/connection.ts';
import { KEY } from '../driver/requests.ts';
import type { QuietVendor, TakenMessage } from '../driver/quiet-vendor.ts';
import { cpuMs, familyCpuMs, watchMachine } from '../driver/usage.ts';
import type { Add } from '../report.ts';
import { uncounted } from './throughput.ts';

/** Receipts that come at once, as from a vendor with so many connections. */
const CONNECTIONS = 128;
/** Messages without a receipt, per second of load: more than there will be receipts. */
const MESSAGES_PER_SECOND = 12_000;

/** Reports all messages that wait as delivered, as fast as that goes; when none is left the load ends. */
export async function measureReceipts(
  carom: Carom,
  vendor: QuietVendor<TakenMessage>,
  { seconds, goal }: { seconds: number; goal: number },
  add: Add,
): Promise<void> {
  await vendor.fill(carom, MESSAGES_PER_SECOND * seconds);
  const machine = watchMachine([carom.child.pid, carom.postgresPid]);
  const [nodeBefore, postgresBefore] = [cpuMs(carom.child.pid), familyCpuMs(carom.postgresPid)];
  const { accepted, refused, perSecond, driverBusy } = await closedLoop({
    port: carom.port,
    connections: CONNECTIONS,
    seconds,
    txnId: String,
    make: (_, n) => {
      const { id, callback } = vendor.kept[n % vendor.kept.length]!;
      return postRequest(new URL(callback).pathname, KEY, { messageId: id, status: 'delivered' });
    },
  });
  const { others } = machine();
  const each = (before: number | null, after: number | null) =>
    before === null || after === null ? null : ((after - before) * 1_000) / accepted;
  add('taken', perSecond, '/s', { atLeast: goal });
  add(
    'not taken',
    Object.values(refused).reduce((sum, count) => sum + count, 0),
    '',
    { atMost: 0 },
  );
  const reported = Math.min(accepted, vendor.kept.length);
  add('transactions that they did not end', await uncounted(carom, 0, reported), '', { atMost: 0 });
  add('node processor time per receipt', each(nodeBefore, cpuMs(carom.child.pid)), 'µs');
  add('PostgreSQL processor time per receipt', each(postgresBefore, familyCpuMs(carom.postgresPid)), 'µs');
  add('load generator busy', driverBusy, '');
  add('share of the machine used by others', others, '');
}
