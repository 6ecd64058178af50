import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { isSmsSender } from './sender.ts';

describe('semantics §8: the sender of an SMS', () => {
  for (const sender of ['ABC', 'CAROM', 'Carom Shop1', 'A-1', 'a.b_c&d', '4711', '123', '12345', 'Dr. No']) {
    test(`"${sender}" is a name or a short code`, () => assert.equal(isSmsSender(sender), true));
  }
  for (const sender of ['+919876543210', '+1234567', '+123456789012345', '919876543210', '123456789012345']) {
    test(`"${sender}" is a phone number`, () => assert.equal(isSmsSender(sender), true));
  }
  for (const sender of [
    '',
    'AB',
    '12',
    'TWELVE CHARS',
    '---',
    '   ',
    'Café',
    'A\nBC',
    'ABC\n',
    'A+B+C',
    '+123456',
    '+1234567890123456',
    '1234567890123456',
    '+91 98765 43210',
    'shop@example',
  ]) {
    test(`${JSON.stringify(sender)} is none`, () => assert.equal(isSmsSender(sender), false));
  }

  test('never has fewer than 3 or more than 16 characters', () => {
    fc.assert(
      fc.property(fc.string(), (text) => !isSmsSender(text) || (text.length >= 3 && text.length <= 16)),
      { numRuns: 1_000 },
    );
  });
});
