import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { outgoing } from '../../tests/support/provider-tools.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import { messageBody } from './whatsapp-cloud-message.ts';

const DEFAULTS = { language: 'en_US', previewUrl: false };

/** The body without what every message has. */
function contentOf(changes: Partial<OutgoingMessage>, defaults = DEFAULTS): object | null {
  const message = outgoing({ channel: 'whatsapp', body: null, ...changes });
  const body = messageBody(message, defaults);
  if (!body) return null;
  const { messaging_product, recipient_type, to, biz_opaque_callback_data: ours, ...content } = body;
  assert.deepEqual([messaging_product, recipient_type, to], ['whatsapp', 'individual', '+919999999999']);
  assert.equal(ours, message.messageId);
  return content;
}

const template = { name: 'order_confirmation', language: 'en', variables: ['Ana', 'order 7'] };

describe('a WhatsApp message', () => {
  test('is a text', () => {
    assert.deepEqual(contentOf({ body: 'Hi Ana' }), { type: 'text', text: { preview_url: false, body: 'Hi Ana' } });
    assert.deepEqual(contentOf({ body: 'Hi https://a.example' }, { ...DEFAULTS, previewUrl: true }), {
      type: 'text',
      text: { preview_url: true, body: 'Hi https://a.example' },
    });
  });

  test('is a medium by its link, with the text as caption', () => {
    assert.deepEqual(contentOf({ image: 'https://a.example/hat.jpg', body: 'A hat' }), {
      type: 'image',
      image: { link: 'https://a.example/hat.jpg', caption: 'A hat' },
    });
    assert.deepEqual(contentOf({ image: 'https://a.example/hat.mp4?x=1' }), {
      type: 'video',
      video: { link: 'https://a.example/hat.mp4?x=1' },
    });
    assert.deepEqual(contentOf({ image: 'https://a.example/invoice%207.pdf' }), {
      type: 'document',
      document: { link: 'https://a.example/invoice%207.pdf', filename: 'invoice 7.pdf' },
    });
  });

  test('is a template with its variables in order', () => {
    assert.deepEqual(contentOf({ template }), {
      type: 'template',
      template: {
        name: 'order_confirmation',
        language: { code: 'en' },
        components: [
          {
            type: 'body',
            parameters: [
              { type: 'text', text: 'Ana' },
              { type: 'text', text: 'order 7' },
            ],
          },
        ],
      },
    });
  });

  test('is a template with named variables, a header’s medium and a button’s address', () => {
    const content = contentOf({
      template: { name: 'sale', language: null, variables: [] },
      data: { first_name: 'Ana' },
      image: 'https://a.example/sale.png',
      url: 'orders/7',
      body: 'for other channels',
    });
    assert.deepEqual(content, {
      type: 'template',
      template: {
        name: 'sale',
        language: { code: 'en_US' },
        components: [
          { type: 'header', parameters: [{ type: 'image', image: { link: 'https://a.example/sale.png' } }] },
          { type: 'body', parameters: [{ type: 'text', parameter_name: 'first_name', text: 'Ana' }] },
          { type: 'button', sub_type: 'url', index: '0', parameters: [{ type: 'text', text: 'orders/7' }] },
        ],
      },
    });
  });

  test('is a template without anything to fill in', () => {
    assert.deepEqual(contentOf({ template: { name: 'hello_world', language: 'en_US', variables: [] } }), {
      type: 'template',
      template: { name: 'hello_world', language: { code: 'en_US' } },
    });
  });

  test('is nothing without any of them', () => {
    assert.equal(contentOf({ title: 'only a title' }), null);
    assert.equal(contentOf({ body: '' }), null);
  });
});
