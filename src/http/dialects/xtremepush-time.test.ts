import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isoTime } from '#domain/time.ts';
import { instantOf } from './xtremepush-time.ts';

const shown = (time: unknown) => {
  const instant = instantOf(time);
  return instant === null ? null : isoTime(instant);
};

describe('a time', () => {
  test('is the vendor’s own form: a date, a time and the name of a zone', () => {
    assert.equal(shown('2021-01-01 12:00 UTC'), '2021-01-01T12:00:00.000Z');
    assert.equal(shown('2021-01-01 12:00:30 GMT'), '2021-01-01T12:00:30.000Z');
    assert.equal(shown(' 2021-01-01 9:05 utc '), '2021-01-01T09:05:00.000Z');
    assert.equal(shown('2021-01-01 12:00 EST'), '2021-01-01T17:00:00.000Z');
    assert.equal(shown('2021-07-01 12:00 CEST'), '2021-07-01T10:00:00.000Z');
    assert.equal(shown('2021-07-01 12:00 +0530'), '2021-07-01T06:30:00.000Z');
    assert.equal(shown('2021-07-01 12:00 -03:30'), '2021-07-01T15:30:00.000Z');
  });

  test('may name a zone of the time zone database, whose clocks decide', () => {
    assert.equal(shown('2021-01-01 12:00 Europe/Dublin'), '2021-01-01T12:00:00.000Z');
    assert.equal(shown('2021-07-01 12:00 Europe/Dublin'), '2021-07-01T11:00:00.000Z');
    assert.equal(shown('2021-01-01 12:00 Asia/Kolkata'), '2021-01-01T06:30:00.000Z');
    assert.equal(shown('2021-01-01 12:00 America/New_York'), '2021-01-01T17:00:00.000Z');
    assert.equal(shown('2021-01-01 12:00 Etc/GMT+5'), '2021-01-01T17:00:00.000Z');
  });

  test('that a zone has twice is the first one, one that it skips is moved on', () => {
    assert.equal(shown('2021-10-31 01:30 Europe/Dublin'), '2021-10-31T00:30:00.000Z');
    assert.equal(shown('2021-11-07 01:30 America/New_York'), '2021-11-07T05:30:00.000Z');
    assert.equal(shown('2021-03-28 01:30 Europe/Dublin'), '2021-03-28T01:30:00.000Z');
    assert.equal(shown('2021-03-14 02:30 America/New_York'), '2021-03-14T07:30:00.000Z');
    assert.equal(shown('2021-03-28 00:30 Europe/Dublin'), '2021-03-28T00:30:00.000Z');
    assert.equal(shown('2021-03-28 02:30 Europe/Dublin'), '2021-03-28T01:30:00.000Z');
  });

  test('may be a unix timestamp, as a number or as text', () => {
    assert.equal(shown(1_609_502_400), '2021-01-01T12:00:00.000Z');
    assert.equal(shown('1609502400'), '2021-01-01T12:00:00.000Z');
  });

  test('may be ISO-8601 with an offset', () => {
    assert.equal(shown('2021-01-01T12:00:00Z'), '2021-01-01T12:00:00.000Z');
    assert.equal(shown('2021-01-01T12:00:00.5+05:30'), '2021-01-01T06:30:00.500Z');
  });

  test('without a zone, with one that is ambiguous or unknown, or that does not exist, is none', () => {
    const bad = [
      '2021-01-01 12:00',
      '2021-01-01T12:00:00',
      '2021-01-01',
      '12:00 UTC',
      'tomorrow',
      '',
      ' ',
      '2021-01-01 12:00 IST',
      '2021-01-01 12:00 Mars/Base',
      '2021-01-01 12:00 XYZ',
      '2021-01-01 12:00 UTC UTC',
      '2021-02-30 12:00 UTC',
      '2021-01-01 25:00 UTC',
      '2021-01-01 12:60 UTC',
      '01.01.2021 12:00 UTC',
      1.5,
      -1,
      16095024e5,
      '1609502400000',
      Number.NaN,
      true,
      null,
      {},
      ['2021-01-01 12:00 UTC'],
    ];
    for (const time of bad) assert.equal(shown(time), null, JSON.stringify(time));
  });
});
