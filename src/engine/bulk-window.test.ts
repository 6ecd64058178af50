import assert from 'node:assert/strict';
import test from 'node:test';
import { bulkWindow } from './bulk-window.ts';

test('the window stays wide while nobody else is about', () => {
  const window = bulkWindow();
  for (let n = 0; n < 100; n++) window.took(60);
  assert.equal(window.size(false), 150);
  for (let n = 0; n < 1_000; n++) window.took(5);
  assert.equal(window.size(false), 1_000);
});

test('the window widens while acceptances are quick, and narrows fast when they are slow', () => {
  const window = bulkWindow();
  for (let n = 0; n < 1_000; n++) window.took(5);
  assert.equal(window.size(true), 1_000);
  for (let n = 0; n < 3; n++) window.took(60);
  assert.ok(window.size(true) < 520 && window.size(true) > 500);
  for (let n = 0; n < 100; n++) window.took(60);
  assert.equal(window.size(true), 20);
  window.took(1);
  assert.equal(window.size(true), 25);
});
