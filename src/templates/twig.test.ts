import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { createSynchronousArrayLoader, createSynchronousEnvironment } from 'twing';
import type { Json, JsonObject } from '#domain/request.ts';
import { TemplateError } from '#ports/templates.ts';
import type { Escaping } from '#ports/templates.ts';
import { COLLECTION_SIZE_MAX, OUTPUT_LENGTH_MAX, RENDER_CPU_MAX_MS, STEPS_MAX, TURNS_MAX } from './budget.ts';
import { TOKENS_MAX } from './compile.ts';
import { escapeFor } from './escape.ts';
import { FILTERS } from './filters.ts';
import { FUNCTIONS, TESTS } from './functions.ts';
import { NODES_MAX } from './size-guard.ts';
import { quickRender } from './quick.ts';
import { createTwigTemplates } from './twig.ts';

const templates = createTwigTemplates();
const twigAlone = createTwigTemplates({ quick: false });

const HTML = `<b>"Ana" & 'Bo'</b>`;
const CONTEXT: JsonObject = {
  first_name: 'Ana',
  html: HTML,
  empty: '',
  nothing: null,
  token: { order_id: 7, paid: true, refunded: false, price: 1234.5, city: { name: 'Pune' } },
  items: [
    { name: 'Tea', qty: 2 },
    { name: 'Cup', qty: 10 },
  ],
  numbers: [10, 9, 1, 9],
  apicontent: { code: 'X1', deep: { er: 'down' } },
};

/** Renders by both ways, which must agree. */
function render(source: string, context: JsonObject = CONTEXT, escaping: Escaping = 'none'): string {
  const rendered = templates.compile(source, escaping).render(context);
  assert.equal(twigAlone.compile(source, escaping).render(context), rendered);
  return rendered;
}

describe('a template says what Twig says', () => {
  const table: [source: string, output: string][] = [
    [
      "Hi {{ first_name | default('there') }}, order {{ token.order_id }} is confirmed.",
      'Hi Ana, order 7 is confirmed.',
    ],
    ["Hi {{ last_name | default('there') }}{{ empty|default('!') }}{{ token.refunded|default('?') }}", 'Hi there!?'],
    [
      '{{ token.paid }}|{{ token.refunded }}|{{ nothing }}|{{ token.price }}|{{ items }}|{{ token }}',
      '1|||1234.5|Array|Array',
    ],
    ['[{{ a.b.c }}{{ token.a.b }}{{ items.0.x }}{{ first_name.length }}{{ missing[0]["x"] }}]', '[]'],
    [
      '{{ items.0.name }} {{ items[1].qty }} {{ token["order_id"] }} {{ attribute(token, "price") }}',
      'Tea 10 7 1234.5',
    ],
    ['{apicontent.code} { apicontent.deep.er } {apicontent.none}{{ apicontent.code }}', 'X1 down X1'],
    [
      '{% for item in items %}{{ loop.index }}. {{ item.qty }} x {{ item.name }}{% if not loop.last %}, {% endif %}{% endfor %}',
      '1. 2 x Tea, 2. 10 x Cup',
    ],
    [
      '{% for key, value in token.city %}{{ key }}={{ value }}{% endfor %}{% for x in missing %}{% else %}none{% endfor %}',
      'name=Punenone',
    ],
    [
      "{% if token.price > 1000 %}big{% elseif token.paid %}paid{% else %}small{% endif %}{{ missing == '' ? 1 : 0 }}",
      'big1',
    ],
    ['{% set total = 0 %}{% for item in items %}{% set total = total + item.qty %}{% endfor %}{{ total }}', '12'],
    [
      '{{ first_name|upper }} {{ first_name|lower }} {{ "hello world"|title }} {{ "  x "|trim }}',
      'ANA ana Hello World x',
    ],
    [
      '{{ token.price|number_format(2) }} {{ 1234.567|round(1) }} {{ "%05d"|format(token.order_id) }}',
      '1,234.50 1234.6 00007',
    ],
    [
      "{{ '2026-05-21T10:00:00Z'|date('d M Y H:i') }} {{ '2026-05-21'|date_modify('+1 day')|date('Y-m-d') }}",
      '21 May 2026 10:00 2026-05-22',
    ],
    [
      '{{ numbers|sort|join(",") }} {{ numbers|join("-") }} {{ numbers|length }} {{ numbers|first }}{{ numbers|last }}',
      '1,9,9,10 10-9-1-9 4 109',
    ],
    [
      '{{ items|map(i => i.name)|join(" and ") }} {{ items|filter(i => i.qty > 2)|length }} {{ numbers|reduce((a, n) => a + n, 0) }}',
      'Tea and Cup 1 29',
    ],
    [
      "{{ 'abc'|replace({'a': 'b', 'b': 'c', '': 'x'}) }} {{ 'a,b'|split(',')|join(';') }} {{ 'abcdef'|slice(1, 3) }} {{ first_name[:2] }}",
      'bcc a;b bcd An',
    ],
    [
      '{{ missing|upper }}{{ missing|number_format(2) }}{{ missing|date }}{{ missing|join(",") }}{{ missing|length }}',
      '0',
    ],
    ['{{ missing|upper|default("x") }}{{ "%s!"|format(missing) }}{{ [1]|merge(missing)|length }}', 'x!1'],
    [
      '{{ token.city.name ?? "?" }}{{ token.no ?? "?" }} {{ "a" ~ missing ~ 1 }} {{ 1..3|join }} {{ (1..3)|join }}',
      'Pune? a1 Array 123',
    ],
    [
      '{% verbatim %}{{ first_name }}{apicontent.code}{% endverbatim %}{# no {apicontent.code} #}',
      '{{ first_name }}{apicontent.code}',
    ],
    ['{{ token|json_encode }}', '{"order_id":7,"paid":true,"refunded":false,"price":1234.5,"city":{"name":"Pune"}}'],
    ['{%- if true -%}  x  {%- endif -%}  y', 'xy'],
    ["{{ not [] ? 1 : 0 }}{{ ('0' or []) ? 1 : 0 }}{{ {} ? 1 : 0 }}{{ (items and '00') ? 1 : 0 }}", '1001'],
    ['{% for i in [1] %}{% set fresh = i %}{{ fresh }}{% endfor %}[{{ fresh }}{{ i }}{{ loop.index }}]', '1[]'],
    ['{% set i = 5 %}{% for i in [1, 2] %}{{ i }}{% endfor %}{{ i }}', '125'],
    ['{{ numbers|map(first_name => first_name + 1)|join(",") }} {{ first_name }}', '11,10,2,10 Ana'],
    [
      '{% for a in ["x", "y"] %}{% for b in [1, 2] %}{{ loop.parent.loop.index }}{{ loop.index }}{{ a }} {% endfor %}{% endfor %}',
      '11x 12x 21y 22y ',
    ],
    [
      '{% with {a: 1} only %}{{ a }}{{ first_name }}{% set first_name = 2 %}{% endwith %}{{ a }}{{ first_name }}',
      '1Ana',
    ],
    ['{{ "3" + 1 }} {{ "1.5" * "2" }} {{ 0.1 * 3 }} {{ 5 + nothing }} {{ true + 1 }}', '4 3 0.3 5 2'],
    [
      '{{ "1" == 1 ? 1 }}{{ "a" == 0 ? 0 : 1 }}{{ "1e1" == "10" ? 1 }}{{ null == false ? 1 }}{{ [1] == [1] ? 1 }}{{ [1] == [2] ? 0 : 1 }}',
      '111111',
    ],
    ['{{ 2 < 10 ? 1 }}{{ "2" < "10" ? 1 }}{{ "b" > "a" ? 1 }}{{ nothing < 1 ? 1 }}', '1111'],
    [
      '{{ {"b": 2, "a": 1}|sort|keys|join }} {{ items|map((item, key) => key)|join }} {{ [2, 1]|sort|json_encode }}',
      'ab 01 {"1":1,"0":2}',
    ],
    [
      '{{ token|length }}{{ token|first }}{{ token|keys|last }} {{ {}|json_encode }} {{ [[], {a: [1]}]|json_encode }}',
      '57city [] [[],{"a":[1]}]',
    ],
    [
      '{{ "a🎲b"|slice(1, 1) }}{{ "🎲"|first }}{{ "x🎲"|last }}{{ "🎲a"|reverse }}{{ "🎲b"|split("")|join("-") }}',
      '🎲🎲🎲a🎲🎲-b',
    ],
    ['{{ "<p>1 < 2<!-- <b> --></p>"|striptags }}{{ "a<b"|striptags }}', '1 < 2a'],
    [
      '{{ (10 ** 21)|number_format }} {{ (-1234.567)|number_format(2) }} {{ (-0.001)|number_format(2) }} {{ 0.5|round }} {{ -2.5|round }}',
      '1,000,000,000,000,000,000,000 -1,234.57 0.00 1 -3',
    ],
    ['{{ user.attribute.city }}{{ user.attribute.none }}{{ user.city }}', ''],
  ];
  for (const [source, output] of table) test(source, () => assert.equal(render(source), output));

  test('user.attribute.x is user.x, unless the user has such an attribute', () => {
    const source = '{{ user.attribute.city }}{{ user.attribute.none }}{{ user.attribute.none|default("x") }}';
    assert.equal(render(source, { user: { city: 'Pune' } }), 'Punex');
    assert.equal(render(source, { user: { city: 'Pune', attribute: { city: 'own' } } }), 'ownx');
  });

  test('names are case-sensitive, spaces do not count', () =>
    assert.equal(render('{{First_name}}{{first_name}}'), 'Ana'));
  test('keys of a context that look like methods are keys', () => {
    const odd = JSON.parse(
      '{"token":{"get":1,"set":2,"has":3,"delete":4,"entries":5,"size":6,"__proto__":7}}',
    ) as JsonObject;
    assert.equal(
      render(
        '{{ token.get }}{{ token.entries }}{{ token.size }}{{ token|length }}{% for v in token %}{{ v }}{% endfor %}',
        odd,
      ),
      '15671234567',
    );
  });
});

describe('escaping', () => {
  test('HTML is escaped in HTML, and not in text', () => {
    assert.equal(render('{{ html }}'), HTML);
    assert.equal(
      render('<p>{{ html }}</p>', CONTEXT, 'html'),
      '<p>&lt;b&gt;&quot;Ana&quot; &amp; &#039;Bo&#039;&lt;/b&gt;</p>',
    );
    assert.equal(render('{{ html|raw }}{{ token.paid }}{{ items }}', CONTEXT, 'html'), `${HTML}1Array`);
    assert.equal(render('{{ html|upper }}', CONTEXT, 'html').includes('<'), false);
    assert.equal(render('{{ html|e }}'), render('{{ html }}', CONTEXT, 'html'));
  });
  test('addresses are percent-encoded', () => {
    assert.equal(
      render("/{{ html }}/{{ '🙂 é'|raw }}{{ x }}", { html: "a/b?c=d&e'(f)*", x: '🙂\ud800' }, 'url'),
      '/a%2Fb%3Fc%3Dd%26e%27%28f%29%2A/🙂 é%F0%9F%99%82%EF%BF%BD',
    );
  });
});

describe('the quick way and Twig agree', () => {
  const NAMES = [
    'a',
    'b',
    'token',
    'first_name',
    'constructor',
    '__proto__',
    'toString',
    'length',
    'in',
    'not',
    'loop',
    '_context',
  ];
  const value: fc.Arbitrary<Json> = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '0', '<b>&"\'', '{{ a }}', '{% x %}', "it's"),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.integer(), { maxLength: 2 }),
  );
  const map = (depth: number): fc.Arbitrary<JsonObject> =>
    fc.dictionary(fc.constantFrom(...NAMES), depth === 0 ? value : fc.oneof(value, map(depth - 1)), { maxKeys: 6 });
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('\n', '\r\n', ' ', '{', '}', '{ ', '}}', '%}', '#', "'", '<&>', '{apicontent.a}', '\n\n  '),
  );
  const path = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }).map((names) => names.join('.'));
  const fallback = fc.constantFrom('', "|default('x')", '| default("y z")', " | default('<b>') ", "|default('')");
  const space = fc.constantFrom(' ', '', '\n', '  ');
  const print = fc
    .tuple(space, path, fallback, space)
    .map(([before, name, or, after]) => `{{${before}${name}${or}${after}}}`);
  const source = fc.array(fc.oneof(text, print), { maxLength: 8 }).map((pieces) => pieces.join(''));
  const escaping = fc.constantFrom<Escaping>('none', 'html', 'url');
  const outcome = (make: () => string): string => {
    try {
      return make();
    } catch (error) {
      assert(error instanceof TemplateError);
      return 'TemplateError';
    }
  };

  test('whatever the template and its context', () => {
    let quick = 0;
    fc.assert(
      fc.property(source, map(2), escaping, (template, context, how) => {
        if (quickRender(template, escapeFor(how))) quick++;
        const [mine, twigs] = [templates, twigAlone].map((one) =>
          outcome(() => one.compile(template, how).render(context)),
        );
        assert.equal(mine, twigs);
      }),
      { numRuns: 600 },
    );
    assert(quick > 100, `only ${quick} templates went the quick way`);
  });

  test('and both with the library as it comes, where that prints plain values', () => {
    const scalar = value.filter((one) => typeof one !== 'object' && !(typeof one === 'string' && one.includes("'")));
    const names = ['a', 'b', 'c'];
    const context = fc.dictionary(
      fc.constantFrom(...names),
      fc.oneof(scalar, fc.dictionary(fc.constantFrom(...names), scalar)),
    );
    const plainPrint = fc
      .tuple(fc.constantFrom('a.b', 'b.c.a', 'c.a', 'a.c'), fallback)
      .map(([name, or]) => `{{ ${name}${or} }}`);
    const pieces = fc.array(
      fc.oneof(
        text.filter((one) => !one.includes('apicontent')),
        plainPrint,
      ),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(pieces, context, fc.constantFrom<Escaping>('none', 'html'), (parts, given, how) => {
        const template = parts.join('');
        const stock = createSynchronousEnvironment(
          createSynchronousArrayLoader({ t: template }),
          how === 'html' ? { autoEscapingStrategy: 'html' } : {},
        );
        const theirs = outcome(() => {
          try {
            return stock.render('t', given);
          } catch (error) {
            throw new TemplateError('theirs', { cause: error });
          }
        });
        assert.equal(
          outcome(() => templates.compile(template, how).render(given)),
          theirs,
        );
      }),
      { numRuns: 200 },
    );
  });
});

test('a template is rendered again and again, nothing stays', () => {
  const template = templates.compile(
    '{% set x = (x|default(0)) + 1 %}{{ x }}{% for i in items %}{{ i.name }}{% endfor %}',
    'none',
  );
  const before = structuredClone(CONTEXT);
  assert.equal(template.render(CONTEXT), '1TeaCup');
  assert.equal(template.render(CONTEXT), '1TeaCup');
  assert.deepEqual(CONTEXT, before);
});

describe('docs/templates.md', () => {
  const page = readFileSync(new URL('../../docs/templates.md', import.meta.url), 'utf8');
  const given = JSON.parse(/```json\n([\s\S]+?)```/.exec(page)![1]!) as JsonObject;
  const rows = page.split('\n').flatMap((line, index) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.replaceAll('\\|', '|').trim());
    const [, what = '', example = '', result = ''] = cells;
    const [source, output] = [example, result].map((cell) => /^`(.*)`$/.exec(cell)?.[1]);
    return source === undefined || output === undefined ? [] : [{ what, source, output, line: index + 1 }];
  });
  const inHtml = page.slice(0, page.indexOf('## The examples')).split('\n').length;

  for (const { source, output, line } of rows) {
    test(`line ${line}: ${source}`, () => {
      const rendered = render(source, given, line < inHtml ? 'html' : 'none')
        .replaceAll('\n', ' ')
        .replaceAll('\ufdd0', '');
      assert.equal(rendered, output);
    });
  }

  test('shows each filter, function, test and operator', () => {
    const shown = rows.map(({ source }) => source).join('\n');
    for (const name of FILTERS.keys()) assert.match(shown, new RegExp(`\\|${name}\\b`), name);
    for (const name of FUNCTIONS.keys()) assert.match(shown, new RegExp(`\\b${name}\\(`), name);
    for (const name of TESTS.keys()) assert.match(shown, new RegExp(`is (not )?${name}\\b`), name);
    assert(rows.length > 80);
  });

  test('names the bounds', () => {
    for (const bound of [OUTPUT_LENGTH_MAX, TURNS_MAX, STEPS_MAX, TOKENS_MAX, NODES_MAX, COLLECTION_SIZE_MAX])
      assert(page.includes(bound.toLocaleString('en')), String(bound));
    assert(page.includes(`${RENDER_CPU_MAX_MS} ms`));
  });
});
