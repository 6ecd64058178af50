/** Durations and instants as people and vendors write them. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { formatDuration, isCalendarDate, isoTime, parseDurationMs, parseInstant } from './time.ts';

describe('durations', () => {
  const GOOD: [text: string, durationMs: number, shortest?: string][] = [
    ['0ms', 0],
    ['500ms', 500],
    ['60s', 60_000, '1m'],
    ['90s', 90_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['3d', 259_200_000],
    [' 72h ', 259_200_000, '3d'],
    ['1500ms', 1_500],
  ];
  for (const [text, durationMs, shortest = text] of GOOD) {
    test(text, () => {
      assert.equal(parseDurationMs(text), durationMs);
      assert.equal(formatDuration(durationMs), shortest);
    });
  }

  for (const text of ['', '5', 's', '-1s', '1.5h', '1 h', '1w', '1h30m', '9999999999s']) {
    test(`not "${text}"`, () => assert.equal(parseDurationMs(text), null));
  }
});

describe('semantics §11: instants', () => {
  const GOOD: [text: string, iso: string][] = [
    ['2026-05-21T10:00:00Z', '2026-05-21T10:00:00.000Z'],
    ['2026-05-21T10:00:00+05:30', '2026-05-21T04:30:00.000Z'],
    ['2026-05-21T10:00:00+0530', '2026-05-21T04:30:00.000Z'],
    ['2026-05-21T10:00:00-08:00', '2026-05-21T18:00:00.000Z'],
    ['2026-05-21T10:00Z', '2026-05-21T10:00:00.000Z'],
    ['2026-05-21T10:00:00.123Z', '2026-05-21T10:00:00.123Z'],
    ['2026-05-21T10:00:00.123456789Z', '2026-05-21T10:00:00.123Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ];
  for (const [text, iso] of GOOD) test(text, () => assert.equal(isoTime(parseInstant(text)!), iso));

  const BAD = [
    '',
    '2026-05-21',
    '2026-05-21T10:00:00',
    '2026-05-21 10:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-05-21T25:00:00Z',
  ];
  for (const text of BAD) test(`not "${text}"`, () => assert.equal(parseInstant(text), null));
});

describe('semantics §7: calendar dates', () => {
  for (const text of ['1990-05-21', '2024-02-29', '0001-01-01']) test(text, () => assert.ok(isCalendarDate(text)));
  for (const text of [
    '1990-02-30',
    '2023-02-29',
    '1990-13-01',
    '1990-00-10',
    '1990-5-21',
    '21.05.1990',
    '',
    '1990-05-21T00:00:00Z',
  ]) {
    test(`not "${text}"`, () => assert.ok(!isCalendarDate(text)));
  }
});
