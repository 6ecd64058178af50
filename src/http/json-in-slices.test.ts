import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Entries, SliceError, parseInSlices, startBreathing } from './json-in-slices.ts';

const ELEMENT_MAX = 2_000;
let longest = 0;

function read(text: string, sliceLength = 20, asEntries: string[] = []): Promise<unknown> {
  const parse = (slice: string): unknown => {
    longest = Math.max(longest, slice.length);
    return JSON.parse(slice);
  };
  return parseInSlices(text, { parse, elementMax: ELEMENT_MAX, breathe: startBreathing(), asEntries, sliceLength });
}

describe('a JSON object or list', () => {
  test('reads the same in slices as at once, however it is written', async () => {
    const written = fc
      .tuple(
        fc.oneof(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), fc.array(fc.jsonValue({ maxDepth: 3 }))),
        fc.constantFrom('', ' ', '\t', 1, 4),
      )
      .map(([value, indent]) => JSON.stringify(value, null, indent));
    await fc.assert(
      fc.asyncProperty(written, fc.integer({ min: 0, max: 60 }), async (text, sliceLength) => {
        fc.pre(!text.includes('__proto__'));
        assert.deepEqual(await read(text, sliceLength), JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  test('that is damaged is refused as it would be at once', async () => {
    const damaged = fc
      .tuple(
        fc.oneof(
          fc.dictionary(fc.string(), fc.array(fc.oneof(fc.string(), fc.integer()))),
          fc.array(fc.array(fc.oneof(fc.string(), fc.integer()))),
        ),
        fc.nat(),
        fc.constantFrom('', '"', ',', ']', '}', '[', '{', ':', '\\', ' ', '1'),
      )
      .map(([value, place, put]) => {
        const text = JSON.stringify(value);
        const at = place % text.length;
        return text.slice(0, at) + put + text.slice(at + 1);
      });
    await fc.assert(
      fc.asyncProperty(damaged, fc.integer({ min: 0, max: 30 }), async (text, sliceLength) => {
        fc.pre(!text.includes('__proto__'));
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          await assert.rejects(read(text, sliceLength), text);
          return;
        }
        if (typeof expected === 'object' && expected !== null)
          assert.deepEqual(await read(text, sliceLength), expected, text);
      }),
      { numRuns: 2_000 },
    );
  });

  test('with 100,000 elements is never parsed in more than a slice', async () => {
    longest = 0;
    const target = Array.from({ length: 100_000 }, (_, n) => `user_${n}`);
    const value = { target, target_with_params: Object.fromEntries(target.map((id) => [id, { id }])) };
    assert.deepEqual(await read(JSON.stringify(value), 1_000), value);
    const { target_with_params } = (await read(JSON.stringify(value), 1_000, ['target_with_params'])) as {
      target_with_params: Entries;
    };
    assert.ok(target_with_params instanceof Entries);
    assert.deepEqual(Object.fromEntries(target_with_params.list), value.target_with_params);
    assert.deepEqual(await read(` ${JSON.stringify(target)} `, 1_000), target);
    assert.ok(longest < 1_100, `${longest} characters at once`);
  });

  test('with one value that is too long is refused by its name, without the value', async () => {
    const long = 'x'.repeat(ELEMENT_MAX);
    for (const [value, name] of [
      [{ a: long }, /"a"/],
      [{ params: { b: { c: long }, d: 1 } }, /"b"/],
      [{ target: ['u', long] }, /one value/],
    ] as const) {
      await assert.rejects(read(JSON.stringify(value)), (error: Error) => {
        assert.ok(error instanceof SliceError);
        assert.match(error.message, name);
        return !error.message.includes('xxx');
      });
    }
  });

  test('is wanted: a long text is refused', async () => {
    await assert.rejects(read('x'.repeat(100)), SliceError);
  });
});

test('long work makes way for others', async () => {
  let others = 0;
  const timer = setInterval(() => others++, 1);
  const target = Array.from({ length: 200_000 }, (_, n) => `user_${n}`);
  const text = JSON.stringify({ target });
  await parseInSlices(text, { parse: JSON.parse, elementMax: ELEMENT_MAX, breathe: startBreathing() });
  clearInterval(timer);
  assert.ok(others > 0);
});
