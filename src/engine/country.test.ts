import assert from 'node:assert/strict';
import test from 'node:test';
import { countryOf } from './country.ts';

test('a number has the country that it belongs to, also where several share a code', () => {
  const countries = { '+919876543210': 'IN', '+14165550123': 'CA', '+12025550123': 'US', '+77011234567': 'KZ' };
  for (const [number, country] of Object.entries(countries)) assert.equal(countryOf(number), country);
  for (const none of ['', 'ana@shop.example', '+80012345678', '12']) assert.equal(countryOf(none), null);
});
