/** The vendor of the bench over SMPP: takes everything at once, and delivers each receipt at once over the same connection. */
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMMAND, cstring, deliverBody, readSubmission, wire, wireReader } from '../../tests/support/smsc-wire.ts';
import type { createMemory } from './sink-memory.ts';
import { sharedNow } from './open-loop.ts';

/** How long after a refusal a receipt is delivered again. */
const AGAIN_MS = 100;
const RECEIPT = 4;

/** Listens; a message is known by the number it goes to, which no other has. */
export function listenAsSmsc(port: number, memory: ReturnType<typeof createMemory>): void {
  let taken = 0;
  createServer((socket) => {
    socket.setNoDelay(true);
    const report = reporter(socket, memory);
    const read = wireReader((pdu) => {
      if (pdu.isAnswer) return report.answered(pdu.sequence, pdu.status);
      if (pdu.command !== COMMAND.submit)
        return void socket.write(wire(pdu.command, true, 0, pdu.sequence, cstring('SINK')));
      const [, , to] = readSubmission(pdu).dest;
      const id = (++taken).toString(16);
      memory.arrived(to, to, sharedNow());
      socket.write(wire(COMMAND.submit, true, 0, pdu.sequence, cstring(id)));
      report.deliver(id);
    });
    socket.on('data', read);
    socket.on('error', () => undefined); // the node has ended
  }).listen(port, '127.0.0.1');
}

function reporter(socket: Socket, memory: ReturnType<typeof createMemory>) {
  const waiting = new Map<number, { id: string; tries: number }>();
  let sequence = 0;

  function deliver(id: string, tries = 1): void {
    const text = `id:${id} sub:001 dlvrd:001 submit date:2605211000 done date:2605211001 stat:DELIVRD err:000 text:Hi`;
    const body = deliverBody({ text: Buffer.from(text), esmClass: RECEIPT, dataCoding: 0, tlvs: [] });
    waiting.set(++sequence, { id, tries });
    socket.write(wire(COMMAND.deliver, false, 0, sequence, body));
  }

  async function deliverAgain({ id, tries }: { id: string; tries: number }): Promise<void> {
    await sleep(AGAIN_MS);
    deliver(id, tries + 1);
  }

  return {
    deliver,
    answered: (answered: number, status: number) => {
      const receipt = waiting.get(answered);
      if (!receipt) return;
      waiting.delete(answered);
      if (status === 0) memory.reported(false, receipt.tries);
      else void deliverAgain(receipt);
    },
  };
}
