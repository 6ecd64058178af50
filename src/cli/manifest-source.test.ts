import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { describeFault, parseManifest } from './manifest-source.ts';

const YAML = `# the shop
account: demo
providers:
  - { id: sms-demo, channel: sms }
  - id: sms-http
    request:
      headers: &headers
        Authorization: "Bearer \${TOKEN:-none}"
campaigns:
  - id: "~a"
    body: |
      Hi there
    retry:
      attempts: 0
  - id: "~b"
    data: *headers
    empty:
---
---
account: other
name: \${NAME}
`;

test('each document is a manifest; an empty one is none', () => {
  const { documents, faults } = parseManifest('shop.yaml', YAML, { NAME: 'Other' });
  assert.deepEqual(faults, []);
  assert.deepEqual(
    documents.map(({ content }) => content['account']),
    ['demo', 'other'],
  );
  assert.equal(documents[1]!.content['name'], 'Other');
  const [, http] = documents[0]!.content['providers'] as { request: object }[];
  assert.deepEqual(http!.request, { headers: { Authorization: 'Bearer none' } });
});

describe('a path is found in the text', () => {
  const [shop, other] = parseManifest('shop.yaml', YAML, { NAME: 'Other' }).documents;
  for (const [path, place] of [
    [[], '2:1'],
    [['account'], '2:10'],
    [['providers', 0, 'channel'], '4:30'],
    [['providers', '0', 'channel'], '4:30'],
    [['providers', 0], '4:5'],
    [['providers', 1, 'request', 'headers', 'Authorization'], '8:24'],
    [['campaigns', 0, 'body'], '11:11'],
    [['campaigns', 0, 'retry'], '13:5'],
    [['campaigns', 0, 'retry', 'attempts'], '14:17'],
    [['campaigns', 1, 'data', 'Authorization'], '8:24'],
    [['campaigns', 1, 'empty'], '17:5'],
    [['campaigns', 1, 'provider'], '15:5'],
    [['campaigns', 7, 'provider'], '9:1'],
    [['nothing', 'like', 'that'], '2:1'],
  ] as [(string | number)[], string][]) {
    test(path.join('.') || '(the whole)', () => assert.equal(shop!.placeOf(path), `shop.yaml:${place}`));
  }
  test('in a later document', () => assert.equal(other!.placeOf(['name']), 'shop.yaml:21:7'));
});

describe('faults', () => {
  for (const [what, text, fault] of [
    [
      'a variable without a value',
      'account: a\nkeys:\n  - { key: "x-${TOKEN}" }\n',
      /^m\.yaml:3:15 \$\{TOKEN\} has no value in the environment; set TOKEN, or give a default: \$\{TOKEN:-…\}$/,
    ],
    ['in a block, its own line', 'body: |\n  one\n  ${TWO}\n', /^m\.yaml:3:3 \$\{TWO\} has no value/],
    ['a syntax error', 'account: demo\n  name: x\n', /^m\.yaml:\d:\d+ \S/],
    ['a key twice', 'account: a\naccount: b\n', /^m\.yaml:2:1 Map keys must be unique/],
    ['no map', '- a\n', /^m\.yaml:1:1 a manifest is a map/],
    ['broken JSON', '{"account": "a", "name": }}', /^m\.yaml:1:\d+ \S/],
  ] as const) {
    test(what, () => {
      const { documents, faults } = parseManifest('m.yaml', text, {});
      assert.deepEqual(documents, []);
      assert.match(faults[0]!, fault);
    });
  }
});

test('JSON, with tabs', () => {
  const { documents, faults } = parseManifest(
    'm.json',
    '{\n\t"account": "a",\n\t"limits": {\n\t\t"users": "x"\n\t}\n}',
    {},
  );
  assert.deepEqual(faults, []);
  assert.equal(documents[0]!.placeOf(['limits', 'users']), 'm.json:4:12');
});

test('a fault in words', () => {
  assert.equal(
    describeFault('m.yaml:3:1', ['campaigns', 0, 'body'], 'is missing'),
    'm.yaml:3:1 campaigns[0].body is missing',
  );
  assert.equal(describeFault('m.yaml:1:1', [], 'has 3 more faults'), 'm.yaml:1:1 has 3 more faults');
});
