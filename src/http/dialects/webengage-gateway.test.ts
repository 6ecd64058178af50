/** Against the requests and answers of the vendor's pages for service providers. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { NOTHING_MORE } from '#domain/request.ts';
import { Refusal } from '../refusal.ts';
import type { RefusalKind } from '../refusal.ts';
import { GATEWAY_CHANNELS, gatewayCall, gatewayRefusal, takenAnswer, withoutCampaign } from './webengage-gateway.ts';
import type { GatewayChannel } from './webengage-gateway.ts';

const metadata = {
  campaignType: 'PROMOTIONAL',
  timestamp: '2018-01-25T10:24:16+0000',
  messageId: 'webengage-message-id',
};

const BODIES: Record<GatewayChannel, object> = {
  sms: {
    version: '2.0',
    smsData: { toNumber: '919999999999', fromNumber: 'PAXXXN', body: 'Text message body' },
    metadata: {
      ...metadata,
      custom: { key1: 'val1' },
      indiaDLT: { contentTemplateId: 'xyz', principalEntityId: 'abc', telemarketerId: 'tm1' },
    },
  },
  whatsapp: {
    version: '1.0',
    whatsAppData: {
      toNumber: '919999999999',
      fromNumber: '443341801111',
      templateData: {
        templateName: 'templatexyzIMAGE',
        templateVariables: ['john', 'world'],
        language: 'en',
        type: 'IMAGE',
        mediaUrl: 'https://a.example/logo.png',
        buttonUrlParam: 'test',
      },
      customData: { userId: 'ana' },
    },
    metadata,
  },
  rcs: {
    version: '1.0',
    rcsData: {
      toNumber: '+919999999999',
      sender: 'sender-1',
      templateData: {
        templateName: 'rich_card_template',
        type: 'RICH_CARD',
        language: 'null',
        parameters: { paramkey1: 'paramValue1' },
        templateDetails: { title: 'sample title', text: 'hello john', mediaType: 'Image', mediaUrl: 'image-url' },
      },
      customData: {},
    },
    metadata: { ...metadata, timeStamp: metadata.timestamp },
  },
  email: {
    email: {
      from: 'john@example.com',
      fromName: 'John Doe',
      replyTo: ['a@example.com', 'b@example.com'],
      subject: 'email subject',
      text: 'text body',
      html: 'html body',
      recipients: { to: [{ name: 'Recipient1', email: 'ana@example.com' }], cc: [], bcc: [] },
      attachments: [],
    },
    metadata,
    version: '1.0',
  },
};

describe('a call of the vendor', () => {
  const common = {
    ...NOTHING_MORE,
    mode: 'fallback_on_delivery_failure',
    txnId: 'webengage-message-id',
  };

  test('for SMS', () => {
    assert.deepEqual(gatewayCall('sms', BODIES.sms), {
      templateName: null,
      request: {
        ...common,
        userId: '+919999999999',
        phone: '+919999999999',
        reference: 'webengage sms 919999999999',
        token: {
          body: 'Text message body',
          from: 'PAXXXN',
          indiaDLT: { contentTemplateId: 'xyz', principalEntityId: 'abc', telemarketerId: 'tm1' },
          custom: { key1: 'val1' },
        },
      },
    });
  });

  test('for WhatsApp, of a user that the custom data names', () => {
    assert.deepEqual(gatewayCall('whatsapp', BODIES.whatsapp), {
      templateName: 'templatexyzIMAGE',
      request: {
        ...common,
        userId: 'ana',
        phone: '+919999999999',
        reference: 'webengage whatsapp 919999999999',
        token: {
          body: null,
          from: '443341801111',
          variables: ['john', 'world'],
          language: 'en',
          image: 'https://a.example/logo.png',
          url: 'test',
          custom: { userId: 'ana' },
        },
      },
    });
  });

  test('for RCS', () => {
    const { request, templateName } = gatewayCall('rcs', BODIES.rcs);
    assert.equal(templateName, 'rich_card_template');
    assert.deepEqual([request.phone, request.reference], ['+919999999999', 'webengage rcs 919999999999']);
    assert.deepEqual(request.token, {
      body: 'hello john',
      title: 'sample title',
      image: 'image-url',
      from: 'sender-1',
      language: 'null',
      parameters: { paramkey1: 'paramValue1' },
      custom: {},
    });
  });

  test('for e-mail', () => {
    const { request } = gatewayCall('email', BODIES.email);
    const { email, phone, userId, reference } = request;
    assert.deepEqual([email, phone, userId], ['ana@example.com', null, 'ana@example.com']);
    assert.equal(reference, 'webengage email ana@example.com');
    assert.deepEqual(request.token, {
      from: 'John Doe <john@example.com>',
      replyTo: 'a@example.com',
      subject: 'email subject',
      body: 'text body',
      html: 'html body',
      custom: {},
    });
  });

  test('that is none is refused, whatever it is', () => {
    const bodies = [undefined, null, 7, 'x', [], {}, { metadata: null }, { metadata: { messageId: 7 } }, { metadata }];
    for (const channel of GATEWAY_CHANNELS)
      for (const body of bodies)
        assert.throws(() => gatewayCall(channel, body), Refusal, `${channel} ${JSON.stringify(body)}`);
    const long = { ...BODIES.sms, metadata: { messageId: 'x'.repeat(101) } };
    assert.throws(() => gatewayCall('sms', long), /1 to 100 characters/);
  });
});

describe('an answer to the vendor', () => {
  test('says yes in the channel’s word', () => {
    assert.deepEqual(GATEWAY_CHANNELS.map(takenAnswer), [
      { status: 'sms_accepted' },
      { status: 'whatsapp_accepted', statusCode: 0 },
      { status: 'rcs_accepted', statusCode: 0 },
      { status: 'SUCCESS', statusCode: 1000, message: 'NA' },
    ]);
  });

  test('says no in the channel’s number', () => {
    const codes = (kind: RefusalKind) =>
      GATEWAY_CHANNELS.map((channel) => {
        const { body } = gatewayRefusal(channel)(new Refusal(kind, 'why'));
        const { status, statusCode, message } = body as { status: string; statusCode: number; message: string };
        assert.deepEqual([status, message], [channel === 'email' ? 'ERROR' : `${channel}_rejected`, 'why']);
        return statusCode;
      });
    assert.deepEqual(codes('unauthorized'), [2011, 2011, 2005, 9003]);
    assert.deepEqual(codes('forbidden'), [2005, 2005, 2005, 9024]);
    assert.deepEqual(codes('rate_limited'), [2015, 2015, 2015, 9001]);
    // Away is told as busy: the vendor gives up on anything else.
    assert.deepEqual(codes('unavailable'), [2015, 2015, 2015, 9001]);
    assert.deepEqual(codes('invalid'), [9988, 2019, 2017, 9988]);
    assert.deepEqual(codes('internal'), [9988, 9988, 9988, 9988]);
  });

  test('says which version and which template it would have wanted', () => {
    for (const [channel, supportedVersion] of [
      ['sms', '2.0'],
      ['rcs', '1.0'],
    ] as const) {
      assert.throws(
        () => gatewayCall(channel, { ...BODIES[channel], version: '9.0' }),
        (refusal: Refusal) => {
          const { body } = gatewayRefusal(channel)(refusal);
          assert.deepEqual(body, {
            status: `${channel}_rejected`,
            statusCode: 2010,
            message: 'Version not supported',
            supportedVersion,
          });
          return true;
        },
      );
    }
    const { body } = gatewayRefusal('whatsapp')(withoutCampaign('unheard_of'));
    assert.equal((body as { statusCode: number }).statusCode, 2021);
  });
});
