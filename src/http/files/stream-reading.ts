import type { Readable } from 'node:stream';
import { Refusal } from '../refusal.ts';

/**
 * Hands each chunk of a stream on; resolves at its end. What `take` throws rejects, and the rest of the stream is let go by: a
 * client that is still sending is not hung up on, so that it sees the answer.
 * @throws {Refusal} also when the stream breaks off.
 */
export function readStream(stream: Readable, take: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      stream.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      stream.resume();
    };
    const fail = (error: Error): void => {
      stop();
      // Nobody else listens, and an 'error' event without a listener ends the process.
      stream.on('error', () => undefined);
      reject(error);
    };
    const onEnd = (): void => {
      stop();
      resolve();
    };
    const onBroken = (): void => fail(new Refusal('invalid', 'the body broke off'));
    const onData = (chunk: Buffer | string): void => {
      try {
        take(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      } catch (error) {
        fail(error as Error);
      }
    };
    stream.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
  });
}
