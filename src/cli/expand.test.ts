import assert from 'node:assert/strict';
import test from 'node:test';
import { expand } from './expand.ts';

const env = { NAME: 'Anna', EMPTY: '', JSON: '{"a":1}' };
const CASES: [what: string, source: string, text: string, missing?: string[]][] = [
  ['a value', 'Hi ${NAME}!', 'Hi Anna!'],
  ['several', '${NAME}${NAME} ${EMPTY}', 'AnnaAnna '],
  ['a default that is not needed', '${NAME:-nobody}', 'Anna'],
  ['a default', '${NOBODY:-nobody}', 'nobody'],
  ['a default for an empty value, as in a shell', '${EMPTY:-nobody}', 'nobody'],
  ['an empty default', '[${NOBODY:-}]', '[]'],
  ['a default with a template in it', '${NOBODY:-Hi {{ first_name }}}!', 'Hi {{ first_name }}!'],
  ['a default with a variable in it', '${NOBODY:-${NAME}}', 'Anna'],
  ['a missing one', 'Bearer ${TOKEN}', 'Bearer ', ['TOKEN']],
  ['a missing one in a default', '${NOBODY:-${TOKEN}}', '', ['TOKEN']],
  ['values are not looked into', '${JSON}', '{"a":1}'],
  ['text that is kept', '$${NAME} $${NOBODY:-x}', '${NAME} ${NOBODY:-x}'],
  ['a dollar before a template', '${{ price }} $5 ${} ${a b} ${NAME', '${{ price }} $5 ${} ${a b} ${NAME'],
  ['a default that never ends', '${NOBODY:-{x}', '${NOBODY:-{x}'],
];

for (const [what, source, text, missing = []] of CASES) {
  test(what, () => assert.deepEqual(expand(source, env), { text, missing }));
}
