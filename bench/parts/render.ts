/** What rendering takes, in this process: the thread's processor time, so that the crowd on the machine matters little. */
import type { JsonObject } from '#domain/request.ts';
import type { Escaping } from '#ports/templates.ts';
import { createTwigTemplates } from '#templates/twig.ts';
import type { Add } from '../report.ts';

/** Of each measurement; the kernel counts a thread's time in steps of some milliseconds. */
const MEASURED_CPU_MS = 300;
const WARM_UP_CPU_MS = 200;
const GOAL_SHORT_US = 25;

const templates = createTwigTemplates();
const row = `<tr class="{{ cycle(['odd', 'even'], loop.index0) }}"><td><a href="{{ item.url }}">{{ item.name|upper }}</a></td>
  <td>{{ item.qty }}</td><td>{{ item.price|number_format(2) }}</td>{% if item.qty > 2 %}<td>many</td>{% endif %}</tr>`;
const MAIL = `<html><body><h1>Hi {{ first_name|default('there') }}</h1><table>{% for item in token.items %}${row}{% endfor %}</table></body></html>`;
const NAMES = "Hi {{ first_name | default('there') }}, order {{ token.order.id }} is confirmed.";
const FILTERS =
  "Hi {{ first_name|upper }}, order {{ token.order.id }} over {{ token.price|number_format(2) }} of {{ token.at|date('d M Y H:i') }}{% if token.paid %} is paid{% endif %}.";

/** Short texts, and e-mails of some length; and what compiling them takes. */
export function measureRendering(add: Add): void {
  const goal = { atMost: GOAL_SHORT_US };
  add('short SMS, names alone', cpuUsOf(render(NAMES, 'none', 0)), 'µs', goal);
  add('short SMS, filters and a condition', cpuUsOf(render(FILTERS, 'none', 0)), 'µs', goal);
  for (const items of [20, 200, 1_000]) {
    add(`HTML e-mail with ${items} items`, cpuUsOf(render(MAIL, 'html', items)), 'µs');
  }
  let compiled = 0;
  add(
    'compiling: short SMS',
    cpuUsOf(() => templates.compile(`${FILTERS}${compiled++}`, 'none')),
    'µs',
  );
  add(
    'compiling: HTML e-mail',
    cpuUsOf(() => templates.compile(`${MAIL}${compiled++}`, 'html')),
    'µs',
  );
}

function render(source: string, escaping: Escaping, items: number): () => unknown {
  const template = templates.compile(source, escaping);
  const context = contextOf(items);
  return () => template.render(context);
}

function contextOf(items: number): JsonObject {
  const attributes = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`attribute_${n}`, `value ${n}`]));
  return {
    ...attributes,
    first_name: 'Asha',
    token: {
      order: { id: 'OD-1' },
      price: 1_499.5,
      paid: true,
      at: '2026-05-21T10:00:00Z',
      items: Array.from({ length: items }, (_, n) => ({
        name: `Item ${n}`,
        qty: n % 5,
        price: n * 1.5,
        url: `https://shop.example/p/${n}`,
      })),
    },
  };
}

/** Processor time of one call, in µs. */
function cpuUsOf(work: () => unknown): number {
  spend(work, WARM_UP_CPU_MS);
  const { calls, cpuUs } = spend(work, MEASURED_CPU_MS);
  return cpuUs / calls;
}

function spend(work: () => unknown, cpuMs: number): { calls: number; cpuUs: number } {
  const before = process.threadCpuUsage();
  let [calls, cpuUs] = [0, 0];
  while (cpuUs < cpuMs * 1_000) {
    for (let n = 0; n < 10; n++) work();
    calls += 10;
    const { user, system } = process.threadCpuUsage(before);
    cpuUs = user + system;
  }
  return { calls, cpuUs };
}
