import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { Json, JsonObject } from '#domain/request.ts';
import { TemplateError } from '#ports/templates.ts';
import { ITERATIONS_MAX, OUTPUT_LENGTH_MAX, RENDER_TIME_MAX_MS } from './budget.ts';
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

/** On a busy machine the time may be up before the bound is met. */
const isRefusal = (error: unknown, message: RegExp): boolean =>
  error instanceof TemplateError && (message.test(error.message) || error.message.includes(`${RENDER_TIME_MAX_MS} ms`));

describe('a bomb is a TemplateError, soon', () => {
  const big = {
    s: 'a'.repeat(500_000),
    angle: '<'.repeat(200_000),
    list: Array.from({ length: 9_999 }, (_, n) => n % 7),
    long: Array.from({ length: 20_000 }, (_, n) => n),
  };
  const bombs: [what: string, source: string, message: RegExp][] = [
    ['a loop of a million', '{% for i in 1..1000000 %}x{% endfor %}', /more than 10000 elements/],
    ['a range of a million', '{{ range(0, 1000000)|length }}', /more than 10000 elements/],
    ['a range that runs away', '{{ range(0, 10, -1)|length }}', /step above zero/],
    [
      'nested ranges',
      '{% for i in 1..9000 %}{% for j in 1..9000 %}{% endfor %}{% endfor %}',
      new RegExp(`${ITERATIONS_MAX} times|${RENDER_TIME_MAX_MS} ms`),
    ],
    ['nested maps', '{{ list|map(a => list|map(b => a))|length }}', /ms|grows/],
    [
      'a long output',
      '{% for i in list %}{{ s }}{% endfor %}',
      new RegExp(`more than ${OUTPUT_LENGTH_MAX} characters`),
    ],
    ['a long output, quickly', '{{ s }}{{ s }}{{ s }}', new RegExp(`more than ${OUTPUT_LENGTH_MAX} characters`)],
    [
      'an output of 10 MB',
      "{% for i in 1..10000 %}{% apply replace({'a': s|slice(0, 1000)}) %}a{% endapply %}{% endfor %}",
      /more than/,
    ],
    [
      'a text that doubles',
      "{% set a = 'x' %}{% for i in 1..100 %}{% set a = a ~ a %}{% endfor %}{{ a|length }}",
      /^line 1: a value in it grows/,
    ],
    [
      'a list that doubles',
      '{% set a = [1] %}{% for i in 1..100 %}{% set a = [a, a] %}{% endfor %}{{ a|json_encode }}',
      /grows/,
    ],
    [
      'a merge that doubles',
      '{% set a = list %}{% for i in 1..100 %}{% set a = a|merge(a) %}{% endfor %}{{ a|length }}',
      /grows|too long/,
    ],
    ['a replacement', "{{ s|replace({'a': s}) }}", /too long a text/],
    ['a join', '{{ list|join(s) }}', /too long a text/],
    ['a format', "{{ '%999999999s'|format('x') }}", /widths up to 999/],
    ['decimals', '{{ 1|number_format(999999999) }}', /at most 100 decimals/],
    ['a batch', "{{ [1]|batch(999999999, 'x')|length }}", /size from 1 to/],
    ['a list that is too long to sort', '{{ long|sort|length }}', /too long for the filter "sort"/],
    ['tags within tags', '{{ (angle ~ "a>")|striptags }}{{ (angle ~ angle)|e("js") }}{{ s|e("js") }}', /ms|prints/],
    [
      'a mask',
      '{{ s|trim(angle) }}{{ s|e("html_attr")|length }}{{ angle|e("js")|length }}{{ angle|e("css")|length }}',
      /ms|grows/,
    ],
    ['a product', '{{ "5" + 3 }}', /Unsupported operand type/],
  ];
  for (const [what, source, message] of bombs) {
    test(what, () => {
      const template = templates.compile(source, 'none');
      const startedAt = performance.now();
      assert.throws(
        () => template.render(big),
        (error) => isRefusal(error, message),
      );
      assert(performance.now() - startedAt < RENDER_TIME_MAX_MS + 5_000);
    });
  }

  test('data that nests without end is one too', () => {
    const deep = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)) as Json;
    assert.throws(() => templates.compile('{{ deep|upper }}', 'none').render({ deep }), TemplateError);
  });

  test('compiling is bounded too', () => {
    const startedAt = performance.now();
    try {
      templates.compile('{{ a|upper }}'.repeat(7_600), 'none');
    } catch (error) {
      assert(error instanceof TemplateError);
    }
    assert(performance.now() - startedAt < 10_000);
  });

  test('after a bomb, others render as ever', () => {
    assert.throws(() => templates.compile("{{ s|e('js') }}", 'none').render({ s: 'é'.repeat(900_000) }), TemplateError);
    assert.equal(render('{{ first_name|upper }}'), 'ANA');
  });
});
