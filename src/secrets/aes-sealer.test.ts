import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { SealError } from '#ports/sealer.ts';
import { aesSealer } from './aes-sealer.ts';

const SALT = randomBytes(32);
const [OLD, NEW] = ['the old key of the shop', 'the new key of the shop'];
const TEXT = 'hush: ✓ "quoted" \0';

describe('AES-256-GCM', () => {
  test('what is sealed opens again, on every node with the key; and is never sealed alike', async () => {
    const [one, other] = [await aesSealer([OLD], SALT), await aesSealer([OLD], SALT)];
    const sealed = one.seal(TEXT, 'a', one.keyId);
    assert.equal(other.open(sealed, 'a'), TEXT);
    assert.equal(one.open(one.seal('', 'a', one.keyId), 'a'), '');
    assert.notEqual(one.seal(TEXT, 'a', one.keyId), sealed);
    assert.equal(sealed.includes('hush'), false);
  });

  test('it opens as what it was sealed for alone', async () => {
    const sealer = await aesSealer([OLD], SALT);
    assert.throws(() => sealer.open(sealer.seal(TEXT, 'provider a', sealer.keyId), 'provider b'), SealError);
  });

  test('what was changed, shortened or never sealed does not open, and nothing of it is told', async () => {
    const sealer = await aesSealer([OLD], SALT);
    const sealed = sealer.seal(TEXT, 'a', sealer.keyId);
    const [version, id, content] = sealed.split('.') as [string, string, string];
    const flipped = Buffer.from(content, 'base64url');
    flipped[20]! ^= 1;
    const broken = [flipped.toString('base64url'), content.slice(0, 10), content.slice(0, -4), ''];
    for (const one of broken) {
      assert.throws(() => sealer.open(`${version}.${id}.${one}`, 'a'), {
        name: 'SealError',
        message: 'a is not what was sealed; give its credentials again',
      });
    }
    for (const one of ['', 'plain', `v2.${id}.${content}`, `v1.00000000.${content}`])
      assert.throws(() => sealer.open(one, 'a'), /^SealError: a is sealed with another key/);
  });

  test('the first key seals, all of them open', async () => {
    const [old, both, fresh] = await Promise.all([[OLD], [NEW, OLD], [NEW]].map((keys) => aesSealer(keys, SALT)));
    const sealed = old!.seal(TEXT, 'a', old!.keyId);
    assert.equal(both!.open(sealed, 'a'), TEXT);
    assert.equal(both!.isCurrent(sealed), false);
    assert.ok(both!.knows(old!.keyId) && both!.knows(fresh!.keyId));
    assert.equal(fresh!.open(both!.seal(TEXT, 'a', both!.keyId), 'a'), TEXT);
    assert.equal(fresh!.isCurrent(both!.seal(TEXT, 'a', both!.keyId)), true);
    assert.throws(() => fresh!.open(sealed, 'a'), /add that one to CAROM_SECRET_KEY/);
    assert.equal(fresh!.knows(old!.keyId), false);
    assert.equal(old!.open(both!.seal(TEXT, 'a', old!.keyId), 'a'), TEXT);
    assert.throws(() => fresh!.seal(TEXT, 'a', old!.keyId), SealError);
  });

  test('the same text makes another key in another database', async () => {
    const [one, other] = [await aesSealer([OLD], SALT), await aesSealer([OLD], randomBytes(32))];
    assert.notEqual(one.keyId, other.keyId);
    assert.throws(() => other.open(one.seal(TEXT, 'a', one.keyId), 'a'), SealError);
  });
});
