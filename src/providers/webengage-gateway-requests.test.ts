/** Against the requests of the vendor's pages, field by field. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { START, outgoing } from '../../tests/support/provider-tools.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import type { GatewayChannel } from './webengage-gateway-codes.ts';
import { requestBody } from './webengage-gateway-requests.ts';
import type { RequestSettings } from './webengage-gateway-requests.ts';

const SETTINGS: RequestSettings = {
  campaignType: 'TRANSACTIONAL',
  requestType: 'variables',
  language: 'en',
  custom: {},
  indiaDLT: null,
};
const messageId = '0196f24a-1200-7000-8000-00000001abcd';
const metadata = { campaignType: 'TRANSACTIONAL', timestamp: '2026-05-21T10:00:00+0000', messageId };

function bodyOf(channel: GatewayChannel, changes: Partial<OutgoingMessage>, settings: Partial<RequestSettings> = {}) {
  const message = outgoing({ channel, messageId, ...changes });
  return requestBody(message, channel, { ...SETTINGS, ...settings }, START);
}

describe('a request for SMS', () => {
  test('is of version 1.0', () => {
    assert.deepEqual(bodyOf('sms', { from: 'PAXXXN', body: 'Text message body' }), {
      version: '1.0',
      smsData: { toNumber: '919999999999', fromNumber: 'PAXXXN', body: 'Text message body' },
      metadata,
    });
  });

  test('has what the gateway is to be given with each message', () => {
    const body = bodyOf('sms', {}, { custom: { key1: 'val1' }, campaignType: 'PROMOTIONAL' });
    assert.deepEqual(body['metadata'], { ...metadata, campaignType: 'PROMOTIONAL', custom: { key1: 'val1' } });
  });

  test('is of version 2.0 with India’s registration, of the campaign’s template if it names one', () => {
    const indiaDLT = { principalEntityId: 'abc', contentTemplateId: 'xyz', telemarketerId: 'tm1' };
    assert.deepEqual(bodyOf('sms', { from: '+14155550100' }, { indiaDLT }), {
      version: '2.0',
      smsData: { toNumber: '919999999999', fromNumber: '14155550100', body: 'Hi Ana' },
      metadata: { ...metadata, indiaDLT },
    });
    const template = { name: '1107160000000012345', language: null, variables: [] };
    const own = bodyOf('sms', { template }, { indiaDLT: { ...indiaDLT, telemarketerId: null } });
    assert.deepEqual(own['metadata'], {
      ...metadata,
      indiaDLT: { contentTemplateId: '1107160000000012345', principalEntityId: 'abc' },
    });
  });

  test('has no sender where the campaign has none', () => {
    assert.deepEqual(bodyOf('sms', { from: null })['smsData'], { toNumber: '919999999999', body: 'Hi Ana' });
  });
});

describe('a request for WhatsApp', () => {
  const template = { name: 'templatexyz', language: 'hi', variables: ['john', 'world'] };
  const from = '+443341801111';

  test('has the template’s variables', () => {
    assert.deepEqual(bodyOf('whatsapp', { template, from, body: null, url: 'XYZ.pdf' }, { custom: { key: 'value' } }), {
      version: '1.0',
      whatsAppData: {
        toNumber: '919999999999',
        fromNumber: '443341801111',
        templateData: {
          templateName: 'templatexyz',
          templateVariables: ['john', 'world'],
          language: 'hi',
          type: 'TEXT',
          buttonUrlParam: 'XYZ.pdf',
        },
        customData: { key: 'value' },
      },
      metadata,
    });
  });

  test('has the whole text where the gateway takes that', () => {
    const body = bodyOf('whatsapp', { template, from, body: 'hello john' }, { requestType: 'message' });
    assert.deepEqual(body['whatsAppData'], {
      toNumber: '+919999999999',
      fromNumber: '443341801111',
      templateData: { templateName: 'templatexyz', message: 'hello john', language: 'hi', type: 'TEXT' },
    });
  });

  test('has the whole text where there is no template', () => {
    assert.deepEqual(bodyOf('whatsapp', { from, body: 'hello john' })['whatsAppData'], {
      toNumber: '+919999999999',
      fromNumber: '443341801111',
      templateData: { message: 'hello john', language: 'en', type: 'TEXT' },
    });
  });

  test('says what its link shows', () => {
    const links = {
      'https://a.example/hat.png': { type: 'IMAGE', mediaUrl: 'https://a.example/hat.png' },
      'https://a.example/hat.mp4': { type: 'VIDEO', mediaUrl: 'https://a.example/hat.mp4' },
      'https://a.example/hat.pdf': { type: 'DOCUMENT', mediaUrl: 'https://a.example/hat.pdf', fileName: 'hat.pdf' },
    };
    for (const [image, expected] of Object.entries(links)) {
      const { whatsAppData } = bodyOf('whatsapp', { template, image }) as { whatsAppData: { templateData: object } };
      const rest = { templateName: 'templatexyz', templateVariables: ['john', 'world'], language: 'hi' };
      assert.deepEqual(whatsAppData.templateData, { ...rest, ...expected });
    }
  });
});

describe('a request for RCS', () => {
  const template = { name: 'text_template', language: null, variables: [] };

  test('has the template’s parameters by name, and both names of the time', () => {
    const data = { paramkey1: 'paramValue1', paramkey2: 'paramValue2' };
    assert.deepEqual(bodyOf('rcs', { template, data, body: null, from: 'sender-1' }, { custom: { k: 'v' } }), {
      version: '1.0',
      rcsData: {
        toNumber: '+919999999999',
        sender: 'sender-1',
        templateData: { templateName: 'text_template', type: 'TEXT', language: 'en', parameters: data },
        customData: { k: 'v' },
      },
      metadata: { ...metadata, timeStamp: metadata.timestamp },
    });
  });

  test('numbers the parameters that have no names', () => {
    const numbered = { ...template, variables: ['john', 'world'] };
    const { rcsData } = bodyOf('rcs', { template: numbered }) as { rcsData: { templateData: { parameters: object } } };
    assert.deepEqual(rcsData.templateData.parameters, { 1: 'john', 2: 'world' });
  });

  test('is a card with a title or a medium', () => {
    const card = { template, title: 'sample title', body: 'hello john', image: 'https://a.example/a.png' };
    const { rcsData } = bodyOf('rcs', card) as { rcsData: { templateData: object } };
    assert.deepEqual(rcsData.templateData, {
      templateName: 'text_template',
      type: 'RICH_CARD',
      language: 'en',
      parameters: {},
      templateDetails: {
        title: 'sample title',
        text: 'hello john',
        mediaType: 'Image',
        mediaUrl: 'https://a.example/a.png',
      },
    });
  });
});

test('a request for e-mail has sender, texts and recipients', () => {
  const email = {
    to: 'ana@example.com',
    from: 'John Doe <john@example.com>',
    replyTo: 'help@example.com',
    subject: 'email subject',
    body: 'text body',
    html: '<p>html body</p>',
  };
  assert.deepEqual(bodyOf('email', email, { custom: { key1: 'val1' } }), {
    version: '1.0',
    email: {
      from: 'john@example.com',
      fromName: 'John Doe',
      replyTo: ['help@example.com'],
      subject: 'email subject',
      text: 'text body',
      html: '<p>html body</p>',
      recipients: { to: [{ name: '', email: 'ana@example.com' }], cc: [], bcc: [] },
      attachments: [],
    },
    metadata: { ...metadata, custom: { key1: 'val1' } },
  });
});
