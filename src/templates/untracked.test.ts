import assert from 'node:assert/strict';
import test from 'node:test';
import { rewriteHtml } from '#domain/html-links.ts';
import { UNTRACKED_MARK, rewriteText } from '#domain/tracked-links.ts';
import { createTwigTemplates } from './twig.ts';

const templates = createTwigTemplates();
const URL = 'https://a.example/?a=1&b=2';

/** The text as it is sent, with `→` in the place of tracked links. */
function sent(source: string, escaping: 'none' | 'html' = 'none'): string {
  const rendered = templates.compile(source, escaping).render({ url: URL, host: 'a.example', n: 5 });
  return escaping === 'html' ? rewriteHtml(rendered, () => '→', null) : rewriteText(rendered, () => '→');
}

test('a marked link stays, whatever it is made of', () => {
  assert.equal(sent('{{ url }} {{ url|untracked }}'), `→ ${URL}`);
  assert.equal(
    sent("{{ 'https://a.example/x'|untracked }}, {{ 'see https://a.example/y.'|untracked }}"),
    'https://a.example/x, see https://a.example/y.',
  );
  assert.equal(sent('https://{{ host|untracked }}/x'), 'https://a.example/x');
  assert.equal(sent('https://a.example/{{ n|untracked }}'), 'https://a.example/5');
  assert.equal(
    sent('{% apply untracked %}a https://a.example/x b {{ url }}{% endapply %}'),
    `a https://a.example/x b ${URL}`,
  );
});

test('in HTML too, escaped as ever', () => {
  assert.equal(
    sent('<a href="{{ url }}">{{ url|untracked }}</a><a href="{{ url|untracked }}">', 'html'),
    '<a href="→">https://a.example/?a=1&amp;b=2</a><a href="https://a.example/?a=1&amp;b=2">',
  );
});

test('of a missing value it makes nothing', () => {
  assert.equal(sent('{{ nothing|untracked }}'), '');
  assert.equal(sent("{{ nothing|default('https://a.example')|untracked }}"), 'https://a.example');
  assert.ok(!templates.compile('{{ nothing|untracked }}', 'none').render({}).includes(UNTRACKED_MARK));
});
