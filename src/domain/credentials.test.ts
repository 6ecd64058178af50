import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { putBack, takeOut } from './credentials.ts';
import type { JsonObject } from './request.ts';

const SECRETS = ['token', 'request.headers.*', 'list.*.password', 'all'];

describe('credentials among settings', () => {
  test('are taken out with all that is in them, and what is left has nothing of them', () => {
    const settings = {
      token: 'hush',
      url: 'https://x.example',
      request: { headers: { a: 'hush-1', 'b.c': 'hush-2' }, json: { headers: { a: 'open' } } },
      list: [{ name: 'n', password: 'hush-3' }],
      all: { deep: ['hush-4', null] },
    };
    const { rest, credentials } = takeOut(settings, SECRETS);
    assert.equal(JSON.stringify(rest).includes('hush'), false);
    assert.equal(credentials.length, 5);
    assert.deepEqual(rest['request'], { headers: {}, json: { headers: { a: 'open' } } });
    assert.deepEqual(putBack(rest, credentials), settings);
  });

  test('a null is none, and nothing at all leaves nothing', () => {
    assert.deepEqual(takeOut({ token: null }, SECRETS), { rest: { token: null }, credentials: [] });
    assert.deepEqual(takeOut({}, SECRETS), { rest: {}, credentials: [] });
  });

  test('a list keeps its places', () => {
    const settings = { keys: ['a', 'b', 'c'] };
    const { rest, credentials } = takeOut(settings, ['keys.1']);
    assert.deepEqual(rest, { keys: ['a', null, 'c'] });
    assert.deepEqual(putBack(rest, credentials), settings);
  });

  test('whatever the settings are, they come back', () => {
    const key = fc.constantFrom('token', 'request', 'headers', 'list', '__proto__', 'constructor', 'a.b', '*', '');
    const { tree } = fc.letrec((tie) => {
      const node = fc.oneof(
        { maxDepth: 3 },
        fc.string(),
        fc.constant(null),
        tie('tree'),
        fc.array(tie('tree'), { maxLength: 2 }),
      );
      return { tree: fc.dictionary(key, node, { maxKeys: 3 }) };
    });
    const paths = fc.array(
      fc.constantFrom('token', 'request.headers.*', '*', 'list.*.token', '*.*', '__proto__', '*.__proto__'),
    );
    fc.assert(
      fc.property(tree, paths, (given, secrets) => {
        const settings = JSON.parse(JSON.stringify(given)) as JsonObject;
        const { rest, credentials } = takeOut(settings, secrets);
        assert.deepEqual(putBack(rest, credentials), settings);
      }),
    );
  });
});
