import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { keptKey, keyTexts, makeKey } from './key-texts.ts';

test('CAROM_SECRET_KEY is one key, or several with commas between', () => {
  assert.equal(keyTexts(undefined), null);
  assert.equal(keyTexts(''), null);
  assert.equal(keyTexts(' '), null);
  assert.deepEqual(keyTexts('0123456789abcdef'), ['0123456789abcdef']);
  assert.deepEqual(keyTexts(' a key with blanks , another key of some '), ['a key with blanks', 'another key of some']);
});

test('what is too short is refused, and not repeated', () => {
  assert.throws(() => keyTexts('0123456789abcde'), {
    message: 'CAROM_SECRET_KEY is too short: give 16 characters or more, such as from "openssl rand -base64 32"',
  });
  assert.throws(() => keyTexts('0123456789abcdef,'), /too short \(key 2 of 2\)/);
});

test('a key is made once and found again, by nobody else', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'carom-key-'));
  try {
    assert.equal(await keptKey(join(dataDir, 'new')), null);
    const made = await makeKey(join(dataDir, 'new'));
    assert.equal(await keptKey(join(dataDir, 'new')), made);
    assert.equal(made.length, 43);
    assert.equal((await stat(join(dataDir, 'new', 'secret.key'))).mode & 0o777, 0o600);
    assert.equal(await readFile(join(dataDir, 'new', 'secret.key'), 'utf8'), `${made}\n`);
    await writeFile(join(dataDir, 'secret.key'), '\n');
    assert.equal(await keptKey(dataDir), null);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
