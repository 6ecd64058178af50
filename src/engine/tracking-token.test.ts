import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { hash16OfId, messageId, transactionId } from '#domain/ids.ts';
import { OPEN, UNSUBSCRIBE, trackingTokens } from './tracking-token.ts';

const tokens = trackingTokens(Buffer.alloc(32, 1));
const ids = fc
  .record({ entropy: fc.uint8Array({ minLength: 6, maxLength: 6 }), hash: fc.integer({ min: 0, max: 0xffff }) })
  .map(({ entropy, hash }) => messageId(transactionId(1_780_000_000_000, entropy, hash), 1));
const whats = fc.integer({ min: 0, max: 255 });
const ID = messageId(transactionId(1_780_000_000_000, Buffer.from('abcdef'), 7), 1);

test('a token is 18 characters that nothing has to be done to, and ends with a letter', () => {
  fc.assert(
    fc.property(ids, whats, (id, what) => assert.match(tokens.of(id).token(what), /^[A-Za-z0-9_-]{17}[A-Za-z]$/)),
  );
});

test('a token says where its message is kept and what it is for, and is its own', () => {
  fc.assert(
    fc.property(ids, whats, (id, what) => {
      const { key, token } = tokens.of(id);
      assert.deepEqual(tokens.read(token(what)), { key, what });
      assert.equal(key >> 48n, BigInt(hash16OfId(id)));
      assert.ok(tokens.isGenuine(token(what), id, what));
    }),
  );
});

test('it is the same for every attempt, and another on a database with another secret', () => {
  const other = trackingTokens(Buffer.alloc(32, 2)).of(ID);
  assert.equal(tokens.of(ID).token(0), trackingTokens(Buffer.alloc(32, 1)).of(ID).token(0));
  assert.notEqual(tokens.of(ID).token(0), other.token(0));
  assert.notEqual(tokens.of(ID).key, other.key);
});

test('who has all links of a message but one cannot make that one', () => {
  const { token } = tokens.of(ID);
  const wanted = token(UNSUBSCRIBE);
  const bytes = Buffer.from(token(OPEN), 'base64url');
  bytes[8] = UNSUBSCRIBE;
  const forged = bytes.toString('base64url');
  assert.equal(tokens.read(forged)!.key, tokens.of(ID).key);
  assert.equal(forged.slice(0, 12), wanted.slice(0, 12));
  assert.equal(tokens.isGenuine(forged, ID, UNSUBSCRIBE), false);
});

test('a token with one character changed is none', () => {
  const token = tokens.of(ID).token(3);
  for (let at = 0; at < token.length; at++) {
    for (const character of 'AQgwz09-_') {
      if (character === token[at]) continue;
      const changed = token.slice(0, at) + character + token.slice(at + 1);
      const read = tokens.read(changed);
      if (read?.key === tokens.of(ID).key) assert.equal(tokens.isGenuine(changed, ID, read.what), false, changed);
    }
  }
});

test('what cannot be a token is not looked for', () => {
  const token = tokens.of(ID).token(0);
  for (const text of [
    '',
    'x',
    `${token}A`,
    token.slice(1),
    `${token.slice(0, 17)}-`,
    `${token.slice(0, 17)}.`,
    'ü'.repeat(18),
  ]) {
    assert.equal(tokens.read(text), null, text);
  }
});
