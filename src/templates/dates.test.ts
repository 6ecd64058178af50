/** Dates as they are written, changed and shown. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { TemplateError } from '#ports/templates.ts';
import { createTwigTemplates } from './twig.ts';

const templates = createTwigTemplates();
const render = (source: string, x: string | number = ''): string => templates.compile(source, 'none').render({ x });

describe('a date can be written as', () => {
  const written: [text: string | number, utc: string][] = [
    ['2026-05-21', '2026-05-21T00:00:00'],
    ['2026-05', '2026-05-01T00:00:00'],
    ['2026/05/21 10:30', '2026-05-21T10:30:00'],
    ['2026-05-21T10:30:15.123Z', '2026-05-21T10:30:15'],
    ['2026-05-21T10:30:15+05:30', '2026-05-21T05:00:15'],
    ['2026-05-21 10:30 UTC', '2026-05-21T10:30:00'],
    ['2026-07-01 12:00 Europe/Berlin', '2026-07-01T10:00:00'],
    ['2026-12-01 12:00 Europe/Berlin', '2026-12-01T11:00:00'],
    ['21.05.2026', '2026-05-21T00:00:00'],
    ['05/21/2026', '2026-05-21T00:00:00'],
    ['21 May 2026', '2026-05-21T00:00:00'],
    ['May 21st, 2026 3:05 pm', '2026-05-21T15:05:00'],
    ['2026-05-21 12:30 am', '2026-05-21T00:30:00'],
    ['Thu, 21 May 2026 10:00:00 +0200', '2026-05-21T08:00:00'],
    [1779357600, '2026-05-21T10:00:00'],
    ['1779357600', '2026-05-21T10:00:00'],
    [0, '1970-01-01T00:00:00'],
    ['-1000000', '1969-12-20T10:13:20'],
    ['0099-01-01', '0099-01-01T00:00:00'],
  ];
  for (const [text, utc] of written)
    test(String(text), () => assert.equal(render("{{ x|date('Y-m-d\\\\TH:i:s') }}", text), utc));

  test('and not as anything else', () => {
    for (const text of [
      'soon',
      '2026-13-01',
      '32.01.2026',
      '2026-05-21 25:00',
      '1',
      'x'.repeat(200),
      '2026-05-21 Mars/Base',
    ])
      assert.throws(() => render('{{ x|date }}', text), TemplateError, text);
  });
});

describe('a date is shown', () => {
  const shown: [format: string, text: string][] = [
    ['d D j l N S w z', '05 Thu 5 Thursday 4 th 4 64'],
    ['W o', '10 2020'],
    ['F m M n t L Y y', 'March 03 Mar 3 31 1 2020 20'],
    ['a A g G h H i s u v', 'pm PM 1 13 01 13 07 09 045000 045'],
    ['e T P O p Z U', 'UTC UTC +00:00 +0000 Z 0 1583413629'],
    ['c', '2020-03-05T13:07:09+00:00'],
    ['r', 'Thu, 05 Mar 2020 13:07:09 +0000'],
  ];
  for (const [format, text] of shown)
    test(format, () => assert.equal(render(`{{ x|date('${format}') }}`, '2020-03-05T13:07:09.045Z'), text));

  test('in the week and the year it belongs to', () => {
    assert.equal(render("{{ x|date('o-W') }}", '2021-01-03'), '2020-53');
    assert.equal(render("{{ x|date('o-W') }}", '2024-12-30'), '2025-01');
  });

  test('in a zone', () => {
    const source = "{{ x|date('Y-m-d H:i P', zone) }}".replace('zone', "'America/New_York'");
    assert.equal(render(source, '2026-07-01T02:00:00Z'), '2026-06-30 22:00 -04:00');
    assert.equal(render("{{ x|date('H:i', '+05:30') }}", '2026-07-01T02:00:00Z'), '07:30');
    assert.equal(render("{{ x|date('H:i P', false) }}", '2026-07-01T02:00:00+03:00'), '02:00 +03:00');
    assert.throws(
      () => render("{{ x|date('H:i', 'Mars/Base') }}", '2026-07-01'),
      /"Mars\/Base" is no time zone; write it like/,
    );
  });
});

describe('a date is changed', () => {
  const changed: [from: string, change: string, to: string][] = [
    ['2026-05-21', '+1 day', '2026-05-22 00:00'],
    ['2026-05-21', '+10 days -1 hour', '2026-05-30 23:00'],
    ['2026-05-21', '-2 weeks', '2026-05-07 00:00'],
    ['2026-01-31', '+1 month', '2026-03-03 00:00'],
    ['2026-05-21', '1 year ago', '2025-05-21 00:00'],
    ['2026-05-21 10:30', 'tomorrow', '2026-05-22 00:00'],
    ['2026-05-21 10:30', 'yesterday noon', '2026-05-20 12:00'],
    ['2026-05-21 10:30', 'next monday', '2026-05-25 00:00'],
    ['2026-05-21 10:30', 'thursday', '2026-05-21 00:00'],
    ['2026-05-21 10:30', 'next thursday', '2026-05-28 00:00'],
    ['2026-05-21 10:30', 'last thursday', '2026-05-14 00:00'],
    ['2026-05-21 10:30', 'first day of next month', '2026-06-01 10:30'],
    ['2026-05-21 10:30', 'last day of this month midnight', '2026-05-31 00:00'],
    ['2026-05-21 10:30', 'last month', '2026-04-21 10:30'],
    ['2026-05-21 10:30', '+1 day 08:15', '2026-05-22 08:15'],
  ];
  for (const [from, change, to] of changed)
    test(`${from} ${change}`, () =>
      assert.equal(render(`{{ x|date_modify('${change}')|date('Y-m-d H:i') }}`, from), to));

  test('on the clocks of its zone', () => {
    const source = "{{ date(x, 'Europe/Berlin')|date_modify('+1 day')|date('c', 'Europe/Berlin') }}";
    assert.equal(render(source, '2026-03-28T09:00:00Z'), '2026-03-29T10:00:00+02:00');
  });

  test('not by what cannot be read, nor beyond all years', () => {
    assert.throws(() => render("{{ x|date_modify('later') }}", '2026-05-21'), /"later" changes no date; write it like/);
    assert.throws(() => render("{{ x|date_modify('+99999 years') }}", '2026-05-21'), /beyond the year 9999/);
  });

  test('from now', () => {
    assert.equal(
      render("{{ date('+2 days') > date() ? 'later' }}{{ 'now'|date('Y') >= 2026 ? ', in time' }}"),
      'later, in time',
    );
  });
});
