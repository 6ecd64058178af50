/** Ids lead back to where they came from, for ever. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { ID_ENTROPY_BYTES, MAX_ORDINAL, bucketOf, hash16, hash16OfId } from './ids.ts';
import { isTransactionId, messageId, parseMessageId, transactionId } from './ids.ts';

const times = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const entropies = fc.uint8Array({ minLength: ID_ENTROPY_BYTES, maxLength: ID_ENTROPY_BYTES });
const hashes = fc.nat(0xffff);

describe('ids', () => {
  test('a transaction’s id is a UUIDv7 that tells its time and its hash', () => {
    fc.assert(
      fc.property(times, entropies, hashes, (now, entropy, hash) => {
        const id = transactionId(now, entropy, hash);
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{4}0000[0-9a-f]{4}$/);
        assert.equal(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16), now);
        assert.equal(hash16OfId(id), hash);
        assert.ok(isTransactionId(id));
        assert.equal(parseMessageId(id), null);
      }),
    );
  });

  test('a message’s id leads back to its transaction and position', () => {
    fc.assert(
      fc.property(times, entropies, hashes, fc.integer({ min: 1, max: MAX_ORDINAL }), (now, entropy, hash, ordinal) => {
        const transaction = transactionId(now, entropy, hash);
        const id = messageId(transaction, ordinal);
        assert.deepEqual(parseMessageId(id), { transactionId: transaction, ordinal });
        assert.deepEqual(parseMessageId(id.toUpperCase()), { transactionId: transaction, ordinal });
        assert.equal(hash16OfId(id), hash);
        assert.ok(!isTransactionId(id));
      }),
    );
  });

  test('every random bit counts, later ids sort later', () => {
    const id = (now: number, byte: number) => transactionId(now, new Uint8Array(ID_ENTROPY_BYTES).fill(byte), 0);
    assert.equal(id(1, 0xff), '00000000-0001-7fff-bfff-ffff00000000');
    assert.ok(id(1, 0xff) < id(2, 0));
  });

  test('other texts are no ids', () => {
    const id = '01890000-0000-7000-8000-000000010000';
    for (const text of ['', 'order-1', id.slice(1), `${id}0`, id.replaceAll('-', ''), id.replace('1', 'g')]) {
      assert.equal(parseMessageId(text), null, text);
      assert.equal(isTransactionId(text), false, text);
    }
  });

  test('the hash is written into ids and keys: it must never change', () => {
    assert.deepEqual(
      [hash16(), hash16('demo', 'order-1'), hash16('demo', 'order-2'), hash16('', ''), hash16('dé', '✓')],
      [7_385, 65_100, 15_664, 38_281, 23_188],
    );
    assert.notEqual(hash16('a', 'bc'), hash16('ab', 'c'));
  });

  test('buckets are filled evenly', () => {
    const buckets = 64;
    const filled = Array.from({ length: buckets }, () => 0);
    for (let n = 0; n < 64_000; n++) filled[bucketOf(hash16('demo', `order-${n}`), buckets)]! += 1;
    assert.ok(
      Math.min(...filled) > 800 && Math.max(...filled) < 1_200,
      `${Math.min(...filled)}…${Math.max(...filled)}`,
    );
    assert.equal(bucketOf(0xffff, 1), 0);
  });
});
