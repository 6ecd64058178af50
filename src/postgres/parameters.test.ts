import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { emptyDatabase, kysely } from '../../tests/support/database.ts';
import { byteas, instants, integers, jsonbs, jsons, texts, uuids } from './parameters.ts';

const { pool } = kysely(await emptyDatabase());

/** What PostgreSQL makes of a parameter, as JSON. */
async function read(parameter: Buffer, type: string): Promise<unknown> {
  const { rows } = await pool.query<{ json: unknown }>(`select to_json($1::${type}[]) as json`, [parameter]);
  return rows[0]!.json;
}

const orNull = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null });
/** Neither U+0000 nor half a surrogate pair: the stores never hand those on. */
const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'));
/** As JSON makes it: generated dictionaries may have no prototype. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const RUNS = { numRuns: 50 };

test('PostgreSQL reads the texts, numbers, ids and documents that were written', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(orNull(text)),
      fc.array(orNull(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))),
      async (a, b) => {
        assert.deepEqual(await read(texts(a), 'text'), a);
        assert.deepEqual(await read(integers(b), 'int'), b);
      },
    ),
    RUNS,
  );
  await fc.assert(
    fc.asyncProperty(fc.array(orNull(fc.uuid())), fc.array(fc.dictionary(text, text)), async (ids, documents) => {
      assert.deepEqual(await read(uuids(ids), 'uuid'), ids);
      const written = documents.map((document) => JSON.stringify(document));
      assert.deepEqual(await read(jsonbs(written), 'jsonb'), documents.map(plain));
      assert.deepEqual(await read(jsons(written), 'json'), documents.map(plain));
    }),
    RUNS,
  );
});

test('PostgreSQL reads the bytes that were written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array()), async (arrays) => {
      const buffers = arrays.map((array) => Buffer.from(array));
      const { rows } = await pool.query<{ bytes: Buffer }>('select unnest($1::bytea[]) as bytes', [byteas(buffers)]);
      assert.deepEqual(
        rows.map(({ bytes }) => bytes),
        buffers,
      );
    }),
    RUNS,
  );
});

test('PostgreSQL reads the instants that were written, to the millisecond, before and after its epoch', async () => {
  const time = fc.integer({ min: Date.UTC(1970, 0), max: Date.UTC(2200, 0) });
  await fc.assert(
    fc.asyncProperty(fc.array(orNull(time)), async (times) => {
      const { rows } = await pool.query<{ ms: (string | null)[] | null }>(
        'select array(select (extract(epoch from t) * 1000)::bigint::text from unnest($1::timestamptz[]) t) as ms',
        [instants(times)],
      );
      assert.deepEqual(
        rows[0]!.ms!.map((ms) => (ms === null ? null : Number(ms))),
        times,
      );
    }),
    RUNS,
  );
});

test('a text that is no UUID is refused before it is sent', () => {
  assert.throws(() => uuids(['not an id']), TypeError);
});
