import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '#domain/request.ts';
import { ExpressionError, compileExpression } from './expression.ts';

const INPUT = { status: 200, headers: {}, body: { id: 'm1', n: null, list: [{ a: 1 }, { a: 2 }] } };
const evaluate = (source: string) => compileExpression(source).evaluate(INPUT);

test('values are plain JSON', async () => {
  assert.equal(await evaluate('body.id'), 'm1');
  assert.deepEqual(await evaluate('body.list.a'), [1, 2]);
  assert.equal(await evaluate('body.missing'), undefined);
  await assert.rejects(evaluate('function($x) { $x }'), ExpressionError);
});

test('"!=" is the opposite of "=" also where a side is missing', async () => {
  assert.equal(await evaluate('body.missing != "x"'), true);
  assert.equal(await evaluate('body.id != "m1"'), false);
  assert.equal(await evaluate('body.n != "x" and body.list[a != 2].a != 2'), true);
});

describe('nothing gets out', () => {
  for (const source of ['body.constructor', 'body.__proto__', 'body.id.constructor', '$.constructor.constructor']) {
    test(source, async () => assert.equal(await evaluate(source), undefined));
  }
  for (const source of ['$eval("1")', '$e := $eval', '$pad("x", 1000000000)', '"x" ~> $pad(9)']) {
    test(source, () => assert.throws(() => compileExpression(source), ExpressionError));
  }
});

describe('nothing goes on', () => {
  const bombs: [what: string, source: string, bound: RegExp][] = [
    ['a loop', '($f := function() { $f() }; $f())', /steps/],
    ['a recursion', '($f := function($n) { 1 + $f($n) }; $f(1))', /Stack overflow/],
    ['a range', '[1..10000000]', /maximum sequence length/],
    ['nested maps', '$map([1..9000], function($x) { $map([1..9000], function($y) { $y }) })', /steps/],
    [
      'a text that doubles',
      '($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $length($f("x", 40)))',
      /more than 200000 characters/,
    ],
    ['a regular expression', '$match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", /(a+)+$/)', /timed out/],
  ];
  for (const [what, source, bound] of bombs) {
    test(what, async () => {
      await assert.rejects(evaluate(source), (error) => {
        // On a busy machine the time may be up first.
        return error instanceof ExpressionError && (bound.test(error.message) || /timeout/.test(error.message));
      });
    });
  }
});

test('what does not parse says where', () => {
  assert.throws(() => compileExpression('body.('), /at character 6/);
  assert.throws(() => compileExpression('x'.repeat(5_000)), /at most 4000/);
});

test('the quick way and jsonata agree', async () => {
  const name = fc.constantFrom(
    'status',
    'body',
    'body.id',
    'body.status',
    'body.list',
    'body.map.x',
    'headers."x-id"',
    'constructor',
    'body.list.a',
  );
  const literal = fc.constantFrom('200', '"ok"', '"200"', 'true', 'false', 'null', '""', '0', '-1');
  const operand = fc.oneof(name, literal);
  const comparison = fc
    .tuple(operand, fc.constantFrom('=', '!=', '<', '<=', '>', '>='), operand)
    .map((parts) => parts.join(' '));
  const term = fc.oneof(comparison, operand);
  const logic = fc
    .tuple(term, fc.constantFrom('and', 'or'), term, fc.constantFrom('and', 'or'), term)
    .map((parts) => parts.join(' '));
  const leaf = fc.constantFrom<unknown>(
    200,
    0,
    'ok',
    '200',
    '',
    true,
    false,
    null,
    [],
    ['ok'],
    [{ a: 'ok' }, { a: 200 }],
    {},
    { x: 200 },
  );
  const map = fc.dictionary(fc.constantFrom('id', 'status', 'list', 'map', 'x'), leaf, { maxKeys: 4 });
  const input = fc.record({
    status: fc.constantFrom(200, 500),
    headers: fc.constantFrom({}, { 'x-id': 'ok' }),
    body: fc.oneof(map, leaf),
  });
  const outcome = async (source: string, quick: boolean, given: object): Promise<unknown> => {
    try {
      return await compileExpression(source, { quick }).evaluate(given);
    } catch (error) {
      assert(error instanceof ExpressionError);
      return 'ExpressionError';
    }
  };
  await fc.assert(
    fc.asyncProperty(fc.oneof(term, logic), input, async (source, given) => {
      assert.deepEqual(
        await outcome(source, true, given as JsonObject),
        await outcome(source, false, given as JsonObject),
      );
    }),
    { numRuns: 1_000 },
  );
});
