import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatTimeOfDay, isQuiet, isTimeZone, parseTimeOfDay } from './quiet-hours.ts';

const at = (text: string) => Date.parse(text);
const night = { from: 21 * 60, to: 8 * 60 };

describe('semantics §8, quiet hours', () => {
  test('over midnight: from the first minute on, until the last one is over', () => {
    const quiet = (time: string) => isQuiet(night, 'sms', ['UTC'], at(`2026-05-21T${time}Z`));
    const times = ['20:59:59.999', '21:00:00', '23:59:59', '00:00:00', '07:59:59.999', '08:00:00', '12:00:00'];
    assert.deepEqual(times.map(quiet), [false, true, true, true, true, false, false]);
  });

  test('within a day', () => {
    const noon = { from: 12 * 60, to: 14 * 60 };
    const quiet = (time: string) => isQuiet(noon, 'sms', ['UTC'], at(`2026-05-21T${time}Z`));
    assert.deepEqual(['11:59', '12:00', '13:59', '14:00', '00:00'].map(quiet), [false, true, true, false, false]);
  });

  test('by the user’s clock; where it is unknown or no zone, by the next one, and by UTC at last', () => {
    const now = at('2026-05-21T16:00:00Z'); // 21:30 in Kolkata, 09:00 in Los Angeles
    const zones = (...names: (string | null | undefined)[]) => isQuiet(night, 'sms', names, now);
    assert.equal(zones('Asia/Kolkata'), true);
    assert.equal(zones('America/Los_Angeles', 'Asia/Kolkata'), false);
    assert.equal(zones(undefined, 'Asia/Kolkata'), true);
    assert.equal(zones('Mars/Olympus', 'Asia/Kolkata'), true);
    assert.equal(zones('', null, undefined), false);
    assert.equal(zones('+05:30'), true);
    assert.equal(zones('not a zone', 'neither'), false);
  });

  test('when clocks go forward, the night is an hour shorter and begins and ends by the clock', () => {
    // Berlin, 29 March 2026: 02:00 becomes 03:00. Until then UTC+1, from then on UTC+2.
    const quiet = (text: string) => isQuiet(night, 'sms', ['Europe/Berlin'], at(text));
    assert.equal(quiet('2026-03-28T19:59:00Z'), false);
    assert.equal(quiet('2026-03-28T20:00:00Z'), true);
    assert.equal(quiet('2026-03-29T01:00:00Z'), true);
    assert.equal(quiet('2026-03-29T05:59:59Z'), true);
    assert.equal(quiet('2026-03-29T06:00:00Z'), false);
    assert.equal(quiet('2026-03-29T19:00:00Z'), true);
  });

  test('when clocks go back, the hour that comes twice is quiet twice', () => {
    // Berlin, 25 October 2026: 03:00 becomes 02:00.
    const hour = { from: 2 * 60, to: 3 * 60 };
    const quiet = (text: string) => isQuiet(hour, 'sms', ['Europe/Berlin'], at(text));
    const times = ['2026-10-24T23:59:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2026-10-25T02:00:00Z'];
    assert.deepEqual(times.map(quiet), [false, true, true, false]);
  });

  test('an hour that clocks leave out is never quiet', () => {
    const hour = { from: 2 * 60, to: 3 * 60 };
    const quiet = (text: string) => isQuiet(hour, 'sms', ['Europe/Berlin'], at(text));
    for (let minute = 0; minute < 180; minute++) {
      const now = at('2026-03-29T00:00:00Z') + minute * 60_000;
      assert.equal(quiet(new Date(now).toISOString()), false, new Date(now).toISOString());
    }
  });

  test('they hold on the channels that are named; else wherever a person is reached', () => {
    const now = at('2026-05-21T23:00:00Z');
    const named = { ...night, channels: ['voice' as const] };
    assert.equal(isQuiet(named, 'voice', [], now), true);
    assert.equal(isQuiet(named, 'sms', [], now), false);
    assert.equal(isQuiet(night, 'email', [], now), true);
    assert.equal(isQuiet(night, 'webhook', [], now), false);
  });

  test('more zones than are kept are as right as the first', () => {
    const now = at('2026-05-21T12:00:00Z');
    for (let n = 0; n < 1_500; n++) assert.equal(isTimeZone(`No/Zone${n}`), false);
    assert.equal(isQuiet(night, 'sms', ['Asia/Tokyo'], now), true);
    assert.equal(isQuiet(night, 'sms', ['Europe/London'], now), false);
  });
});

test('times of day are read and written', () => {
  for (const text of ['00:00', '08:05', '21:30', '23:59']) assert.equal(formatTimeOfDay(parseTimeOfDay(text)!), text);
  for (const text of ['24:00', '8:00', '08:60', '21', '', '21:00:00', '2100', ' 21:00'])
    assert.equal(parseTimeOfDay(text), null, text);
});
