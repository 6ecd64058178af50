import assert from 'node:assert/strict';
import test, { after, afterEach, before, beforeEach, describe } from 'node:test';
import { describeProvider } from '../../tests/conformance/provider.ts';
import type { Fate } from '../../tests/conformance/provider.ts';
import { json, startVendor } from '../../tests/support/http-vendor.ts';
import type { Answering, HttpVendor, VendorCall } from '../../tests/support/http-vendor.ts';
import { START, outgoing, providerConfig, testTools } from '../../tests/support/provider-tools.ts';
import { TOPIC, aboutSubscription, startSns } from '../../tests/support/sns.ts';
import type { Sns } from '../../tests/support/sns.ts';
import type { JsonObject } from '#domain/request.ts';
import { CallbackError, ForgedCallbackError } from '#ports/provider.ts';
import type { OutgoingMessage, Provider, SendOutcome } from '#ports/provider.ts';
import { awsSigner, sha256 } from './aws-signature.ts';
import { sesProvider } from './ses.ts';

const SETTINGS = {
  region: 'eu-west-1',
  accessKeyId: 'AKIDEXAMPLEAKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  from: 'Shop <shop@example.com>',
};

const mail = (changes: Partial<OutgoingMessage> = {}) =>
  outgoing({ channel: 'email', to: 'ana@example.org', from: null, subject: 'Your order', ...changes });

const bodyOf = (call: VendorCall) => JSON.parse(call.body) as JsonObject & { EmailTags: { Value: string }[] };
/** As `x-amzn-errortype` and the body say it. */
const error = (status: number, type: string, message: string): Answering =>
  json(status, { message }, { 'x-amzn-errortype': type });

const FATES: Fate[] = ['accepted', 'refused', 'failing', 'throttled', 'unanswered'];

for (const configurationSet of ['carom', null])
  describeProvider(`ses ${configurationSet ? 'with' : 'without'} a configuration set`, async () => {
    const [vendor, sns] = await Promise.all([startVendor(), startSns()]);
    const tools = testTools();
    const settings = {
      ...SETTINGS,
      baseUrl: vendor.url,
      topicArn: TOPIC,
      ...(configurationSet && { configurationSet }),
    };
    const provider = sesProvider.open(providerConfig('ses', settings), { ...tools, connector: () => sns.connector() });
    const seen = new Set<string>();
    const idOf = (call: VendorCall) => bodyOf(call).EmailTags[0]!.Value;
    const answers: Record<Fate, Answering> = {
      accepted: (response, call) => json(200, { MessageId: `0100-${idOf(call)}` })(response, call),
      refused: error(400, 'MessageRejected', 'Email content is not allowed'),
      failing: error(500, 'InternalFailure', 'try again'),
      throttled: error(429, 'TooManyRequestsException', 'Maximum sending rate exceeded.'),
      unanswered: () => undefined,
    };
    vendor.answering = (response, call) => {
      const fate = FATES.find((one) => call.body.includes(`${one}@example.org`))!;
      answers[fate === 'throttled' && seen.has(idOf(call)) ? 'accepted' : fate](response, call);
      seen.add(idOf(call));
    };
    const event = (messageId: string, eventType: string) =>
      sns.message({
        Message: JSON.stringify({
          ...(configurationSet ? { eventType } : { notificationType: eventType }),
          mail: { messageId: `0100-${messageId}`, ...(configurationSet && { tags: { carom_message: [messageId] } }) },
        }),
      });
    return {
      provider,
      message: (fate) => mail({ to: `${fate}@example.org` }),
      arrived: async () => void (await vendor.call(0)),
      names: () => vendor.calls.map(idOf),
      passTimeout: () => tools.pass(10_000),
      callback: ({ messageId }, report) =>
        report === 'delivered' ? event(messageId, 'Delivery') : { ...event(messageId, 'Delivery'), body: '<html>' },
      foreignCallback: ({ messageId }) => event(messageId, 'Pondering'),
      async close() {
        await vendor.close();
        await Promise.all([provider.close(), sns.close()]);
      },
    };
  });

describe('ses', () => {
  let vendor: HttpVendor;
  const opened: Provider[] = [];
  beforeEach(async () => {
    vendor = await startVendor();
    vendor.answering = json(200, { MessageId: '0100018f' });
  });
  afterEach(async () => {
    await vendor.close();
    await Promise.all(opened.splice(0).map((provider) => provider.close()));
  });
  const send = (message: OutgoingMessage, settings: JsonObject = {}) => {
    const provider = sesProvider.open(
      providerConfig('ses', { ...SETTINGS, baseUrl: vendor.url, ...settings }),
      testTools(),
    );
    opened.push(provider);
    return provider.send(message);
  };

  /** SES would compute the same signature. */
  const assertSigned = ({ headers, body, url, method }: VendorCall) => {
    const { accessKeyId, secretAccessKey, region } = SETTINGS;
    const sessionToken = (headers['x-amz-security-token'] as string | undefined) ?? null;
    const sign = awsSigner({ accessKeyId, secretAccessKey, sessionToken, region, service: 'ses' });
    const signed = { host: headers.host!, 'content-type': headers['content-type']! };
    const expected = sign({ method, path: url, headers: signed, bodySha256: sha256(body) }, START);
    assert.equal(headers.authorization, expected.authorization);
    assert.equal(headers['x-amz-date'], '20260521T100000Z');
  };

  test('sends what SES documents, signed', async () => {
    const message = mail({
      body: 'Hi',
      html: '<p>Hi</p>',
      replyTo: 'help@example.com',
      headers: {
        'List-Unsubscribe': '<https://carom.example/u/1>',
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      },
    });
    const settings = { configurationSet: 'carom', fromArn: 'arn:aws:ses:eu-west-1:1:identity/example.com' };
    assert.deepEqual(await send(message, settings), { kind: 'accepted', ref: '0100018f' });
    const call = await vendor.call(0);
    assert.deepEqual([call.method, call.url], ['POST', '/v2/email/outbound-emails']);
    assertSigned(call);
    assert.deepEqual(bodyOf(call), {
      FromEmailAddress: '"Shop" <shop@example.com>',
      FromEmailAddressIdentityArn: 'arn:aws:ses:eu-west-1:1:identity/example.com',
      Destination: { ToAddresses: ['ana@example.org'] },
      ReplyToAddresses: ['help@example.com'],
      Content: {
        Simple: {
          Subject: { Data: 'Your order', Charset: 'UTF-8' },
          Body: { Text: { Data: 'Hi', Charset: 'UTF-8' }, Html: { Data: '<p>Hi</p>', Charset: 'UTF-8' } },
          Headers: [
            { Name: 'List-Unsubscribe', Value: '<https://carom.example/u/1>' },
            { Name: 'List-Unsubscribe-Post', Value: 'List-Unsubscribe=One-Click' },
          ],
        },
      },
      EmailTags: [{ Name: 'carom_message', Value: message.messageId }],
      ConfigurationSetName: 'carom',
    });
  });

  test('signs with temporary credentials, and below the path of a base address', async () => {
    await send(mail(), { sessionToken: 'FwoGZXIvYXdzEXAMPLE==', baseUrl: `${vendor.url}/ses` });
    const call = await vendor.call(0);
    assert.equal(call.url, '/ses/v2/email/outbound-emails');
    assert.equal(call.headers['x-amz-security-token'], 'FwoGZXIvYXdzEXAMPLE==');
    assertSigned(call);
  });

  test('writes files into the call byte by byte, read once, and signs them with the rest', async () => {
    const content = Buffer.from(Array.from({ length: 200_003 }, (_, index) => index % 251));
    let reads = 0;
    const file = { name: 'invoice ü.pdf', type: 'application/pdf', sizeBytes: content.length };
    const read = async () => (reads++, content);
    const attachments = [
      { ...file, content: read },
      { ...file, name: 'b.txt', type: 'text/plain', content: async () => Buffer.from('b') },
    ];
    assert.equal((await send(mail({ attachments }))).kind, 'accepted');
    const call = await vendor.call(0);
    assertSigned(call);
    const { Attachments } = (bodyOf(call).Content as { Simple: { Attachments: { RawContent: string }[] } }).Simple;
    const [first, ...others] = Attachments;
    assert.deepEqual(Buffer.from(first!.RawContent, 'base64'), content);
    assert.deepEqual(others, [
      {
        FileName: 'b.txt',
        ContentType: 'text/plain',
        ContentDisposition: 'ATTACHMENT',
        ContentTransferEncoding: 'BASE64',
        RawContent: 'Yg==',
      },
    ]);
    assert.equal(reads, 1);
  });

  const addresses: [from: string, written: string][] = [
    ['shop@example.com', 'shop@example.com'],
    ['"Shop, \\"the\\" one" <shop@example.com>', '"Shop, \\"the\\" one" <shop@example.com>'],
    ['Bücher <shop@bücher.example>', '=?UTF-8?B?QsO8Y2hlcg==?= <shop@xn--bcher-kva.example>'],
  ];
  for (const [from, written] of addresses)
    test(`writes the sender ${from} as ${written}`, async () => {
      await send(mail({ from, to: 'ana@bücher.example' }));
      const { FromEmailAddress, Destination } = bodyOf(await vendor.call(0));
      assert.equal(FromEmailAddress, written);
      assert.deepEqual(Destination, { ToAddresses: ['ana@xn--bcher-kva.example'] });
    });

  const unsendable: [what: string, message: Partial<OutgoingMessage>, reason: string][] = [
    ['no sender', { from: 'nobody' }, 'invalid_sender'],
    ['two senders', { from: 'a@example.com, b@example.com' }, 'invalid_sender'],
    ['a recipient that is none', { to: 'ana' }, 'invalid_address'],
    ['two recipients', { to: 'ana@example.org, eve@example.org' }, 'invalid_address'],
    ['a line break in the recipient', { to: 'ana@example.org\r\nBcc: eve@example.org' }, 'invalid_address'],
    ['an address to reply to that is none', { replyTo: 'help' }, 'invalid_content'],
    ['no text at all', { body: null }, 'invalid_content'],
  ];
  for (const [what, message, reason] of unsendable)
    test(`refuses a message with ${what} without a call`, async () => {
      const outcome = await send(mail(message));
      assert(outcome.kind === 'rejected' && outcome.reason === reason && !outcome.retryable);
      assert.equal(vendor.calls.length, 0);
    });

  const refusal = (reason: string, detail: string | null, elsewhere = false): SendOutcome => ({
    kind: 'rejected',
    reason,
    detail,
    retryable: false,
    ...(elsewhere && { tryElsewhere: true }),
  });
  const unverified =
    'Email address is not verified. The following identities failed the check in region EU-WEST-1: x@y.z';
  const answers: [what: string, answer: Answering, outcome: SendOutcome][] = [
    ['content refused', error(400, 'MessageRejected', 'no'), refusal('invalid_content', 'no')],
    ['not verified', error(400, 'MessageRejected', unverified), refusal('invalid_sender', unverified, true)],
    ['domain', error(400, 'MailFromDomainNotVerifiedException', 'x'), refusal('invalid_sender', 'x', true)],
    ['suspended', error(400, 'AccountSuspendedException', 'x'), refusal('account_suspended', 'x', true)],
    ['paused', error(400, 'SendingPausedException', 'x'), refusal('sending_paused', 'x', true)],
    ['limit', error(400, 'LimitExceededException', 'x'), refusal('quota_exceeded', 'x', true)],
    ['no such set', error(404, 'NotFoundException', 'x'), refusal('configuration_set_not_found', 'x', true)],
    ['bad request', error(400, 'BadRequestException', 'x'), refusal('invalid_request', 'x')],
    [
      'bad address',
      error(400, 'BadRequestException', "Missing final '@domain'"),
      refusal('invalid_address', "Missing final '@domain'"),
    ],
    [
      'illegal address',
      error(400, 'BadRequestException', 'Illegal address'),
      refusal('invalid_address', 'Illegal address'),
    ],
    [
      'key',
      error(403, 'UnrecognizedClientException:http://internal.amazon.com/coral/', 'x'),
      refusal('unauthorized', 'x', true),
    ],
    ['permission', error(403, 'AccessDeniedException', 'x'), refusal('unauthorized', 'x', true)],
    [
      'clock',
      error(403, 'InvalidSignatureException', 'Signature expired: …'),
      refusal('unauthorized', 'Signature expired: …', true),
    ],
    [
      'a signature, without what it quotes of the request',
      error(403, 'SignatureDoesNotMatch', 'It does not match.\n\nThe Canonical String …\nx-amz-security-token:s3cret'),
      refusal('unauthorized', 'It does not match.', true),
    ],
    ['too large', (r) => r.writeHead(413).end(), refusal('too_large', null)],
    ['a name of JavaScript', error(418, 'constructor', 'x'), refusal('http_418', 'x')],
    ['HTML', html(403, '<h1>Forbidden</h1>'), refusal('unauthorized', '<h1>Forbidden</h1>', true)],
    ['HTML instead of 200', html(200, '<h1>Welcome</h1>'), { kind: 'unknown', reason: 'unreadable_answer' }],
    ['200 without an id', json(200, {}), { kind: 'unknown', reason: 'unreadable_answer' }],
    [
      '503 in HTML',
      html(503, '<h1>Later</h1>'),
      { kind: 'rejected', reason: 'http_503', detail: '<h1>Later</h1>', retryable: true },
    ],
    [
      'the rate',
      error(429, 'TooManyRequestsException', 'Maximum sending rate exceeded.'),
      { kind: 'throttled', retryAfterMs: 1_000 },
    ],
    ['the rate by another word', error(400, 'ThrottlingException', 'x'), { kind: 'throttled', retryAfterMs: 1_000 }],
    [
      'the day',
      error(429, 'TooManyRequestsException', 'Daily message quota exceeded.'),
      { kind: 'throttled', retryAfterMs: 60_000 },
    ],
    ['a broken connection', (r) => r.socket!.destroy(), { kind: 'unknown', reason: 'connection_lost' }],
  ];
  for (const [what, answer, outcome] of answers)
    test(`knows the answer: ${what}`, async () => {
      vendor.answering = answer;
      assert.deepEqual(await send(mail()), outcome);
    });

  test('takes a server without TLS for no connection', async () => {
    const outcome = await send(mail(), { baseUrl: vendor.url.replace('http:', 'https:') });
    assert(outcome.kind === 'rejected' && outcome.reason === 'connection_failed' && outcome.retryable);
  });

  const faults: [path: string, settings: JsonObject, message: RegExp][] = [
    ['region', { region: 'Ireland' }, /not an AWS region/],
    ['accessKeyId', { accessKeyId: '' }, /is needed/],
    ['secretAccessKey', { secretAccessKey: 'a\nb' }, /line breaks/],
    ['sessionToken', { sessionToken: 'a b' }, /blanks/],
    ['from', { from: 'shop' }, /not an e-mail address/],
    ['topicArn', { topicArn: 'mail' }, /not the ARN of a topic/],
    ['topicArn', { topicArn: [TOPIC, 7] }, /not the ARN of a topic/],
    ['timeout', { timeout: '10ms' }, /out of bounds/],
    ['concurrency', { concurrency: 0 }, /whole number/],
    ['key', { key: 'x' }, /is not known here/],
  ];
  for (const [path, settings, message] of faults)
    test(`says what is wrong with ${JSON.stringify(settings)}`, () => {
      const fault = sesProvider.faultOf({ ...SETTINGS, ...settings }, testTools().templates);
      assert.equal(fault?.path, path);
      assert.match(fault.message, message);
    });

  test('goes to the region where nobody says where', () => {
    assert.equal(sesProvider.faultOf({ ...SETTINGS, topicArn: [TOPIC] }, testTools().templates), null);
  });
});

describe('ses, asked by SNS', () => {
  let sns: Sns;
  let provider: Provider;
  const tools = testTools();
  before(async () => {
    sns = await startSns();
    const config = providerConfig('ses', { ...SETTINGS, topicArn: TOPIC });
    provider = sesProvider.open(config, { ...tools, connector: () => sns.connector() });
  });
  after(() => Promise.all([sns.close(), provider.close()]));
  beforeEach(() => {
    sns.asked.length = 0;
    sns.answering = null;
  });
  const confirmations = () => sns.asked.filter((url) => url.startsWith('/?Action'));

  test('whether the address is ours, confirms by its own address', async () => {
    const callback = sns.message(aboutSubscription('SubscriptionConfirmation'));
    assert.deepEqual(await provider.answerChallenge!(callback), { contentType: 'text/plain', body: 'confirmed' });
    assert.equal(confirmations().length, 1);
    assert.match(confirmations()[0]!, /Action=ConfirmSubscription.*Token=2336412f/);
    const headless = { ...callback, headers: {} };
    assert.equal((await provider.answerChallenge!(headless))?.body, 'confirmed');
  });

  test('by a forger, confirms nothing', async () => {
    const forged = [
      sns.message(aboutSubscription('SubscriptionConfirmation'), { forged: { Token: 'x' } }),
      sns.message({ ...aboutSubscription('SubscriptionConfirmation'), TopicArn: `${TOPIC}-of-eve` }),
      sns.message({ ...aboutSubscription('SubscriptionConfirmation'), SubscribeURL: 'https://evil.example/' }),
      sns.message({ ...aboutSubscription('SubscriptionConfirmation'), SubscribeURL: 'http://169.254.169.254/' }),
    ];
    for (const callback of forged) await assert.rejects(provider.answerChallenge!(callback), ForgedCallbackError);
    assert.deepEqual(confirmations(), []);
  });

  test('says so when SNS refuses the confirmation', async () => {
    const callback = sns.message(aboutSubscription('SubscriptionConfirmation'));
    await provider.parseReceipts(callback); // the certificate is there from now on
    sns.answering = (response) => response.writeHead(400).end('<ErrorResponse/>');
    await assert.rejects(provider.answerChallenge!(callback), ForgedCallbackError);
  });

  test('that a subscription has ended, warns, and does not subscribe again', async () => {
    const callback = sns.message(aboutSubscription('UnsubscribeConfirmation'));
    assert.equal((await provider.answerChallenge!(callback))?.body, 'noted');
    assert.deepEqual(confirmations(), []);
    assert.deepEqual(tools.warnings, [{ topicArn: TOPIC }]);
  });

  test('nothing, is not a challenge', async () => {
    assert.equal(await provider.answerChallenge!(sns.message()), null);
    assert.equal(await provider.answerChallenge!({ ...sns.message(), headers: {}, body: 'text' }), null);
    const mislabelled = { ...sns.message(), headers: { 'x-amz-sns-message-type': 'SubscriptionConfirmation' } };
    assert.equal(await provider.answerChallenge!(mislabelled), null);
  });

  test('tells of nothing in the sentence that SES writes to a new topic', async () => {
    assert.deepEqual(await provider.parseReceipts(sns.message()), []);
  });

  test('refuses what is no message of SNS', async () => {
    await assert.rejects(provider.parseReceipts({ ...sns.message(), body: { eventType: 'Delivery' } }), CallbackError);
  });
});

function html(status: number, text: string): Answering {
  return (response) => response.writeHead(status, { 'content-type': 'text/html' }).end(text);
}
