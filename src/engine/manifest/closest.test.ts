/** What is guessed for a mistyped word. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { closestTo, didYouMean } from './closest.ts';

const WORDS = ['body', 'subject', 'receiptTimeout', 'url'];

test('the word that differs least', () => {
  assert.equal(closestTo('bdoy', WORDS), 'body');
  assert.equal(closestTo('Subject', WORDS), 'subject');
  assert.equal(closestTo('receiptTimout', WORDS), 'receiptTimeout');
  assert.equal(closestTo('subjects', WORDS), 'subject');
});

test('none when none is close', () => {
  for (const word of ['', 'x', 'text', 'at', 'x'.repeat(100_000)])
    assert.equal(closestTo(word, WORDS), null, word.slice(0, 9));
});

test('a guess, or else what there is', () => {
  assert.equal(didYouMean('bodi', WORDS), 'did you mean "body"?');
  assert.equal(didYouMean('colour', WORDS), 'use one of body, subject, receiptTimeout, url');
  assert.equal(didYouMean('colour', ['body']), 'use body');
  assert.equal(didYouMean('colour', []), 'leave it out');
});
