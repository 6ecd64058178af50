import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Channel } from '#domain/campaign.ts';
import type { Overrides } from '#domain/request.ts';
import { createTwigTemplates } from '#templates/twig.ts';
import { overridesOf } from './xtremepush-texts.ts';
import { sentence, wholeBody } from '../call-fields.ts';

const templates = createTwigTemplates();

function read(call: object, channels: Channel[] = ['push']): { overrides: Overrides | null; faults: string[] } {
  const field = wholeBody(call);
  const overrides = overridesOf(field, new Set(channels), templates);
  return { overrides, faults: field.faults.map(sentence) };
}

function taken(call: object, channels?: Channel[]): Overrides | null {
  const { overrides, faults } = read(call, channels);
  assert.deepEqual(faults, []);
  return overrides;
}

function refused(call: object, fault: RegExp, channels?: Channel[]): void {
  const { faults } = read(call, channels);
  assert.ok(
    faults.some((one) => fault.test(one)),
    `${JSON.stringify(call)}: ${faults.join('\n')}`,
  );
}

describe('the texts of a call', () => {
  test('are none without any', () => {
    assert.equal(taken({ id: 'c', push_title: null, messages: {} }), null);
  });

  test('push_… are those of every push the campaign has', () => {
    const call = {
      push_title: 'Hi {{ fname }}',
      push_text: 'Look',
      push_picture: 'https://img.example/a.png',
      push_picture_type: 'url',
      url: 'https://shop.example',
      payload_add: [
        { key: 'page', value: 'offers' },
        { key: 'n', value: 5 },
      ],
    };
    const texts = {
      title: 'Hi {{ fname }}',
      body: 'Look',
      image: 'https://img.example/a.png',
      url: 'https://shop.example',
      data: { page: 'offers', n: '5' },
    };
    assert.deepEqual(taken(call), { push: texts });
    assert.deepEqual(taken(call, ['sms', 'web_push', 'push']), { push: texts, web_push: texts });
    refused(call, /^push_title is about a push, and the campaign sends none/, ['sms']);
    refused({ payload_add: [{ key: 'a', value: 'b' }] }, /^payload_add is about a push/, ['sms']);
  });

  test('messages are those of one kind each, over push_…', () => {
    const all: Channel[] = ['push', 'web_push', 'email', 'sms'];
    const call = {
      push_title: 'all',
      payload_add: [{ key: 'a', value: '1' }],
      messages: {
        1: { title: 'phone', payload_add: [{ key: 'b', value: '2' }] },
        3: { push_title: 'browser', push_text: 'text' },
        7: { subject: 'S', html: '<p>{{ x }}</p>', text: 'T', from: 'Shop <a@b.example>', reply_to: 'c@b.example' },
        9: 'An SMS',
      },
    };
    assert.deepEqual(taken(call, all), {
      push: { title: 'phone', data: { a: '1', b: '2' } },
      web_push: { title: 'browser', body: 'text', data: { a: '1' } },
      email: { subject: 'S', html: '<p>{{ x }}</p>', body: 'T', from: 'Shop <a@b.example>', replyTo: 'c@b.example' },
      sms: { body: 'An SMS' },
    });
    for (const [key, is] of [
      [1, 'a push'],
      [3, 'a web push'],
      [7, 'an e-mail'],
      [9, 'an SMS'],
    ] as const)
      refused({ messages: { [key]: 'x' } }, new RegExp(`^messages.${key} is ${is}, and the campaign sends none`), []);
  });

  test('of iOS and Android must be the same: a push here has one text', () => {
    assert.deepEqual(taken({ messages: { 1: { text: 'x' }, 2: { text: 'x' } } }), { push: { body: 'x' } });
    assert.deepEqual(taken({ messages: { 2: { text: 'x' } } }), { push: { body: 'x' } });
    refused({ messages: { 1: { text: 'x' }, 2: { text: 'y' } } }, /^messages.2 differs from messages.1/);
  });

  test('that are not supported or not known are refused by name', () => {
    refused({ messages: { 6: 'x' } }, /^messages.6 is an inbox message/);
    refused({ messages: { 8: 'x' } }, /^messages.8 is a webhook message/);
    for (const key of ['4', 'sms', '__proto__']) {
      const messages = JSON.parse(`{"${key}": "x"}`) as object;
      refused({ messages }, /is no kind of message/);
    }
    refused({ messages: { 9: { title: 'x' } } }, /^messages.9.title is not known here; there are text, from/, ['sms']);
    refused({ messages: { 1: { icon: 'x' } } }, /^messages.1.icon is not known here/);
  });

  test('must have their types, lengths and be templates', () => {
    refused({ push_title: {} }, /^push_title must be a text/);
    refused({ push_text: 'x'.repeat(100_001) }, /^push_text has 100001 characters; at most 100000/);
    refused({ push_text: '{{ x' }, /^push_text is no template: /);
    refused({ messages: { 7: { html: '{% if %}' } } }, /^messages.7.html is no template/, ['email']);
    refused({ push_picture: 'x', push_picture_type: 'upload' }, /^push_picture_type must be "url"/);
    refused({ messages: 'x' }, /^messages must be an object/);
    refused({ messages: { 1: 5 } }, /^messages.1 must be an object/);
    refused({ payload_add: { key: 'a' } }, /^payload_add must be a list/);
    for (const entry of ['x', null, {}, { key: 5, value: 'x' }, { key: '' }]) {
      refused({ payload_add: [entry] }, /^payload_add.0 must be like/);
    }
    refused({ payload_add: [{ key: 'a', value: [] }] }, /^payload_add.0.value must be a text/);
    const many = Array.from({ length: 101 }, (_, n) => ({ key: `k${n}`, value: 'v' }));
    refused({ payload_add: many }, /^payload_add has 101 entries; at most 100/);
  });
});
