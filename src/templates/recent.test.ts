import assert from 'node:assert/strict';
import test from 'node:test';
import type { Template } from '#ports/templates.ts';
import { keepingRecent } from './recent.ts';

test('a source is compiled once, per escaping, until others have taken its place', () => {
  const compiled: string[] = [];
  const compile = keepingRecent((source, escaping): Template => {
    compiled.push(`${escaping} ${source.slice(0, 2)}`);
    return { render: () => source };
  });
  const long = (name: string): string => name + 'x'.repeat(333_000);
  assert.equal(compile('a', 'none'), compile('a', 'none'));
  assert.notEqual(compile('a', 'none'), compile('a', 'html'));
  for (const name of ['b', 'c']) compile(long(name), 'none');
  compile('a', 'none');
  assert.deepEqual(compiled, ['none a', 'html a', 'none bx', 'none cx']);
  compile(long('d'), 'none');
  compile(long('b'), 'none');
  compile('a', 'none');
  compile('a', 'html');
  assert.deepEqual(compiled.slice(4), ['none dx', 'none bx', 'html a']);
});

test('what does not compile is not kept', () => {
  let count = 0;
  const compile = keepingRecent(() => {
    count++;
    throw new Error('no');
  });
  for (let n = 0; n < 2; n++) assert.throws(() => compile('a', 'none'));
  assert.equal(count, 2);
});
