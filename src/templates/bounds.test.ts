import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { Json, JsonObject } from '#domain/request.ts';
import { TemplateError } from '#ports/templates.ts';
import { OUTPUT_LENGTH_MAX, RENDER_CPU_MAX_MS, STEPS_MAX, TURNS_MAX } from './budget.ts';
import { TOKENS_MAX } from './compile.ts';
import { SOURCE_BYTES_MAX, createTwigTemplates } from './twig.ts';

const templates = createTwigTemplates();
const CONTEXT: JsonObject = { first_name: 'Ana', token: { order_id: 7 }, items: [{ name: 'Tea' }], numbers: [10, 9] };
const render = (source: string): string => templates.compile(source, 'none').render(CONTEXT);

describe('what a template may not do is refused when it is compiled, with line and remedy', () => {
  const refused: [source: string, message: RegExp][] = [
    ['\n\n{% include "/etc/passwd" %}', /^line 3: "include" is not available in templates; templates stand alone/],
    ['{% extends "a" %}', /"extends"/],
    ['{% import "a" as a %}', /"import"/],
    ['{% from "a" import b %}', /"from"/],
    ['{% embed "a" %}{% endembed %}', /"embed"/],
    ['{% use "a" %}', /"use"/],
    ['{% macro m() %}{% endmacro %}', /"macro"/],
    ['{% block b %}{% endblock %}', /"block"/],
    ['{{ block("b") }}', /not available/],
    ['{% sandbox %}{% endsandbox %}', /"sandbox"/],
    ['{% deprecated "x" %}', /"deprecated"/],
    ['{% flush %}', /"flush"/],
    ['{{ include("a") }}', /Unknown function "include"/],
    ['{{ source("a") }}', /Unknown function "source"/],
    ['{{ constant("process") }}', /Unknown function "constant"/],
    ['{{ template_from_string("{{ a }}") }}', /Unknown function "template_from_string"/],
    ['{{ dump() }}', /Unknown function "dump"/],
    ['{{ random() }}', /Unknown function "random"/],
    ['{{ "x"|convert_encoding("utf-8", "utf-8") }}', /Unknown filter "convert_encoding"/],
    ['{{ x is constant("y") }}', /constant/],
    ['{{ x matches "/(a+)+$/" }}', /"matches" is not available in templates; use "starts with"/],
    ['{{ first_name.toUpperCase() }}', /methods cannot be called in templates; leave the parentheses out/],
    ['{{ _context|json_encode }}', /"_context"/],
    ['{{ _self }}', /"_self"/],
    ['text\n{{ x|nosuch }}', /^line 2: Unknown filter "nosuch"\. \(docs\/templates\.md/],
    ['text\n\n{{ x', /^line 3: /],
    ['{% if x %}', /^line 1: /],
    ['{{ (1 }}', /^line 1: /],
    [`{{ ${'('.repeat(30_000)} }}`, /nests too deeply|line 1/],
    ['x'.repeat(SOURCE_BYTES_MAX + 1), /has 100001 bytes; at most 100000 are allowed/],
    ['é'.repeat(SOURCE_BYTES_MAX / 2 + 1), /bytes/],
  ];
  for (const [source, message] of refused) {
    test(source.slice(0, 50).trim(), () =>
      assert.throws(
        () => templates.compile(source, 'none'),
        (error) => error instanceof TemplateError && message.test(error.message),
      ),
    );
  }
});

test('there is no way to a prototype', () => {
  for (const path of [
    'first_name.constructor',
    'token.constructor.constructor',
    'token.__proto__',
    'items.constructor',
    "token['__proto__']",
    "attribute(token, 'constructor')",
    'token.toString',
    'items.push',
    'numbers.length',
    "(1..2)['get']",
  ]) {
    assert.equal(render(`[{{ ${path} }}]`), '[]', path);
  }
  assert.equal(render('{{ __proto__ }}{{ constructor }}{{ toString }}{{ hasOwnProperty }}'), '');
});

const MILLION = 1_000_000;
const big: JsonObject = {
  s: 'a'.repeat(MILLION),
  nearly: `${'a'.repeat(MILLION - 1)}b`,
  angle: '<'.repeat(MILLION),
  accents: 'é'.repeat(MILLION),
  dice: '🎲'.repeat(MILLION / 2),
  lines: '\n'.repeat(MILLION),
  blanks: `>${' '.repeat(MILLION - 1)}`,
  tags: '<a'.repeat(MILLION / 2),
  comments: '<!--'.repeat(MILLION / 4),
  percent: '%'.repeat(MILLION),
  zeros: `%${'0'.repeat(MILLION - 1)}`,
  list: Array.from({ length: 9_999 }, (_, n) => n % 7),
  long: Array.from({ length: 20_000 }, (_, n) => n),
  keys: Object.fromEntries(Array.from({ length: 9_999 }, (_, n) => [`k${n}`, n])),
  manyKeys: Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`k${n}`, n])),
  deep: JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)) as Json,
};

/** Processor time of this thread that the work takes, in ms: what others do meanwhile does not count. */
function cpuMsOf(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

/** The second line may be met before the first on a slow machine. */
const isRefusal = (error: unknown, message: RegExp): boolean =>
  error instanceof TemplateError && (message.test(error.message) || error.message.includes(`${RENDER_CPU_MAX_MS} ms`));

const STEPS = new RegExp(`${STEPS_MAX} steps`);
/** Whichever is met first. */
const TURNS = new RegExp(`${TURNS_MAX} times|${STEPS_MAX} steps`);
const GROWS = /grows beyond/;
const PRINTS = new RegExp(`more than ${OUTPUT_LENGTH_MAX} characters`);

describe('a bomb is a TemplateError, soon', () => {
  const each = (body: string): string => `{% for i in 1..9999 %}${body}{% endfor %}`;
  const bombs: [what: string, source: string, message: RegExp][] = [
    ['a loop of a million', '{% for i in 1..1000000 %}x{% endfor %}', /more than 10000 elements/],
    ['a range of a million', '{{ range(0, 1000000)|length }}', /more than 10000 elements/],
    ['a range that goes nowhere', '{{ range(0, 10, 0)|length }}', /step that is not 0/],
    ['nested loops', each(each('')), TURNS],
    ['nested loops of nothing', each('{% for j in list|slice(0, 9) %}{% endfor %}'), TURNS],
    ['nested maps', '{{ list|map(a => list|map(b => a))|length }}', TURNS],
    ['a long body', each('{{ i + i * i / 7 - i % 3 ~ i }}'.repeat(20)), STEPS],
    ['a long output', '{% for i in list %}{{ s }}{% endfor %}', PRINTS],
    ['a long output, quickly', '{{ s }}{{ s }}{{ s }}', PRINTS],
    ['captured output', each('{% set x %}{{ s }}{% endset %}'), PRINTS],
    ['applied output', each("{% apply replace({'a': s|slice(0, 1000)}) %}a{% endapply %}"), /steps|prints/],
    ['a text that doubles', `{% set a = 'x' %}${each('{% set a = a ~ a %}')}`, GROWS],
    ['a list that doubles', `{% set a = [1] %}${each('{% set a = [a, a] %}')}{{ a|json_encode }}`, /steps|deeply|turn/],
    ['shared lists', `{% set a = [1] %}{% for i in 1..60 %}{% set a = [a, a] %}{% endfor %}{{ a|json_encode }}`, STEPS],
    [
      'shared lists, compared',
      '{% set a = [1] %}{% set b = [1] %}{% for i in 1..60 %}{% set a = [a, a] %}{% set b = [b, b] %}{% endfor %}{{ a == b }}',
      STEPS,
    ],
    ['a merge that doubles', `{% set a = list %}${each('{% set a = a|merge(a) %}')}`, /too long|steps/],
    ['a replacement', "{{ s|replace({'a': s}) }}", GROWS],
    ['a join', '{{ list|join(s) }}', /argument of a filter has 1000000 characters/],
    ['a join of long texts', '{{ list|map(i => s)|join }}', /steps|grows/],
    ['a width', "{{ '%999999999s'|format('x') }}", /widths up to 999/],
    ['decimals', '{{ 1|number_format(999999999) }}', /at most 100 decimals/],
    ['a batch', "{{ [1]|batch(999999999, 'x')|length }}", /size from 1 to/],
    ['a long list', '{{ long|sort|length }}', /list of 20000 elements is too long/],
    ['many keys', '{{ manyKeys|length }}', /list of 50000 elements is too long/],
    ['keys in each turn', each('{% set x = keys|first %}'), STEPS],
    ['with', each('{% with keys %}{% endwith %}'), STEPS],
    ['a search', '{{ (s[:5000] ~ "c") in s }}', /too long a text in too long a text/],
    ['searches', each('{{ "aaab" in s }}'), STEPS],
    ['comparisons', each('{{ (s ~ "") == (nearly ~ "") }}'), STEPS],
    ['a comparison of few', '{{ list|map(i => i is odd ? s : nearly)|sort|length }}', STEPS],
    ['replacements of what is not there', "{{ s|replace({'aaaaaaaaaaaaaaaaaaaaaaaaab': ''}) }}", /too long a text in/],
    [
      'dates',
      each("{% set x = '21 May 2026 10:00:00 Europe/Paris'|date_modify('+1 day next monday')|date('D, d M Y') %}"),
      STEPS,
    ],
    ['zones', each("{% set x = '2026-05-21'|date('c', 'Etc/GMT+' ~ (i % 12)) %}"), STEPS],
    [
      'locales',
      "{% for a in 'a'..'z' %}{% for b in 'a'..'z' %}{{ 1|format_currency('EUR', locale=a ~ b) }}{% endfor %}{% endfor %}",
      STEPS,
    ],
    ['data without end', '{{ deep|json_encode }}', /nests too deeply/],
    ['arithmetic with texts', '{{ "x" + 3 }}', /"x" is no number/],
    ['infinity', '{{ 9 ** 999 }}', /beyond all bounds/],
    ['nothing to divide by', '{{ 1 / 0 }}', /divides by zero/],
  ];
  for (const [what, source, message] of bombs) {
    test(what, () => {
      const template = templates.compile(source, 'none');
      const cpuMs = cpuMsOf(() =>
        assert.throws(
          () => template.render(big),
          (error) => isRefusal(error, message),
        ),
      );
      assert(cpuMs < 10 * RENDER_CPU_MAX_MS, `${cpuMs} ms`);
    });
  }

  const filters = [
    'upper',
    'title',
    'capitalize',
    'trim',
    'striptags',
    'nl2br',
    'spaceless',
    'slug',
    'reverse',
    'length',
    'first',
    'last',
    'slice(1, 3)',
    'slice(-5)',
    "split('a')",
    "split('')",
    "replace({'a': 'b', '<': 'c'})",
    'json_encode',
    'url_encode',
    "e('html')",
    "e('js')",
    "e('css')",
    "e('html_attr')",
    "e('url')",
    'format(1)',
    'date',
    "date_modify('+1 day')",
    'number_format',
    "format_currency('EUR')",
    'untracked',
  ];
  for (const filter of filters) {
    test(`${filter} of a million characters`, () => {
      for (const [name, value] of Object.entries(big)) {
        if (typeof value !== 'string') continue;
        const template = templates.compile(`{% set x = ${name}|${filter} %}`, 'none');
        const cpuMs = cpuMsOf(() => {
          try {
            template.render(big);
          } catch (error) {
            assert(error instanceof TemplateError, String(error));
          }
        });
        assert(cpuMs < 10 * RENDER_CPU_MAX_MS, `${name}: ${cpuMs} ms`);
      }
    });
  }

  test('an object of many keys is asked once what it has', () => {
    const source = each('{{ manyKeys is empty }}{{ manyKeys ? 1 : 0 }}{% if not manyKeys %}{% endif %}');
    const template = templates.compile(source, 'none');
    const cpuMs = cpuMsOf(() => assert.equal(template.render(big).length, 9_999));
    assert(cpuMs < 10 * RENDER_CPU_MAX_MS, `${cpuMs} ms`);
  });

  test('what is escaped as it is printed, the quick way and the other', () => {
    for (const source of ['{{ angle }}', '{{ angle ~ "" }}', '{{ accents }}']) {
      for (const escaping of ['html', 'url'] as const) {
        const template = templates.compile(source, escaping);
        const cpuMs = cpuMsOf(() => {
          try {
            template.render(big);
          } catch (error) {
            assert(error instanceof TemplateError, String(error));
          }
        });
        assert(cpuMs < 10 * RENDER_CPU_MAX_MS, `${source}: ${cpuMs} ms`);
      }
    }
  });
});

describe('what a template may use up', () => {
  test('holds for all that are rendered together', () => {
    const half = templates.compile(
      '{% for i in list %}{% set x = i + i + i + i + i + i + i + i + i %}{% endfor %}',
      'none',
    );
    const render = (): string => half.render(big);
    render();
    assert.throws(() => templates.together(() => [render(), render(), render()]), TemplateError);
    render();
    const text = templates.compile('{{ s }}', 'none');
    assert.throws(() => templates.together(() => [text.render(big), text.render(big)]), PRINTS);
    assert.equal(text.render(big).length, MILLION);
  });

  test('is ten times what an e-mail about two hundred things takes', () => {
    const things = Array.from({ length: 200 }, (_, n) => ({
      name: `Thing ${n}`,
      price: n * 1.5,
      url: `https://a.example/${n}`,
    }));
    const row = `<tr class="{{ cycle(['odd', 'even'], loop.index0) }}"><td><a href="{{ thing.url }}">{{ thing.name|upper }}</a></td>
      <td>{{ thing.price|number_format(2) }}</td>{% if thing.price > 100 %}<td>much</td>{% endif %}</tr>`;
    const template = templates.compile(`{% for thing in things %}${row}{% endfor %}`, 'html');
    const tenTimes = (): string[] => Array.from({ length: 10 }, () => template.render({ things }));
    assert.equal(templates.together(tenTimes).length, 10);
  });
});

describe('compiling is bounded too', () => {
  const sources: [what: string, source: string, message: RegExp][] = [
    ['many tags', '{{ a|upper }}'.repeat(7_600), new RegExp(`more than ${TOKENS_MAX} words`)],
    ['a long list', `{{ [${'1,'.repeat(30_000)}1]|length }}`, new RegExp(`more than ${TOKENS_MAX} words`)],
    ['many comments', '{# x #}'.repeat(14_000), new RegExp(`more than ${TOKENS_MAX} words`)],
    [
      'blanks before a tag that takes them away',
      `{{ a|upper }}${' '.repeat(90_000)}x{{- a|upper }}`,
      /2000 blanks in a row/,
    ],
    ['parts that the parser doubles', `{{ ${'('.repeat(30)}a${' ?: a)'.repeat(30)}|upper }}`, /too many parts/],
    [
      'parts that the parser triples',
      `{{ ${'('.repeat(20)}a${' ?? a)'.repeat(20)}|upper }}`,
      /too many parts|is|Unexpected|only/,
    ],
    [
      'an argument that is not there',
      "{{ a|number_format(1, ',', '.', 4) }}",
      /^line 1: "number_format" has no argument 4/,
    ],
    ['an argument of another name', "{{ a|date(formt='Y') }}", /^line 1: "date" has no argument "formt"/],
    [
      'an argument given twice',
      "{{ a|date('Y', format='Y') }}",
      /^line 1: "date" is given its argument "format" twice/,
    ],
    ['an argument left out', '\n{{ a|replace }}', /^line 2: "replace" needs replace_pairs/],
  ];
  for (const [what, source, message] of sources) {
    test(what, () => {
      const cpuMs = cpuMsOf(() =>
        assert.throws(
          () => templates.compile(source, 'none'),
          (error) => error instanceof TemplateError && message.test(error.message),
        ),
      );
      assert(cpuMs < 1_000, `${cpuMs} ms`);
    });
  }
});

test('after a bomb, others render as ever', () => {
  assert.throws(() => templates.compile('{{ angle|e }}', 'none').render(big), TemplateError);
  assert.equal(render('{{ first_name|upper }}'), 'ANA');
});
