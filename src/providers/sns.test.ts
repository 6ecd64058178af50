import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import test, { after, afterEach, before, beforeEach, describe } from 'node:test';
import { START, callbackWith, testTools } from '../../tests/support/provider-tools.ts';
import type { TestTools } from '../../tests/support/provider-tools.ts';
import { TOPIC, aboutSubscription, startSns } from '../../tests/support/sns.ts';
import type { Sns } from '../../tests/support/sns.ts';
import type { Json } from '#domain/request.ts';
import { CallbackDeferredError, CallbackError, ForgedCallbackError } from '#ports/provider.ts';
import type { Callback } from '#ports/provider.ts';
import { readSnsMessage } from './sns.ts';
import { snsDoor } from './sns-door.ts';
import type { SnsDoor } from './sns-door.ts';

const PEM = '/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem';

describe('a message of SNS', () => {
  let sns: Sns;
  let tools: TestTools;
  let door: SnsDoor;
  before(async () => void (sns = await startSns()));
  after(() => sns.close());
  beforeEach(() => {
    sns.asked.length = 0;
    sns.answering = null;
    tools = testTools();
    door = snsDoor({ ...tools, connector: () => sns.connector() });
  });
  afterEach(() => door.close());
  const read = (callback: Callback, topics: string[] = []) => readSnsMessage(callback, topics, door, tools.clock.now());

  for (const version of ['1', '2'] as const)
    test(`is taken where SNS signed it, by version ${version} of signatures`, async () => {
      const message = { Message: 'ünïcode\nand a line break', Subject: 'Amazon SES Email Event Notification' };
      assert.deepEqual(await read(sns.message(message, { version })), {
        type: 'Notification',
        topicArn: TOPIC,
        text: message.Message,
        subscribeUrl: '',
      });
    });

  test('has its certificate fetched once, also when many come at once', async () => {
    await Promise.all(Array.from({ length: 20 }, () => read(sns.message())));
    await read(sns.message());
    assert.deepEqual(sns.asked, [PEM]);
  });

  const forgeries: Record<string, (sns: Sns) => Callback> = {
    'another text': (s) => s.message({}, { forged: { Message: '{"eventType":"Delivery"}' } }),
    'another topic': (s) => s.message({}, { forged: { TopicArn: 'arn:aws:sns:eu-west-1:123456789012:other' } }),
    'another type': (s) =>
      s.message(aboutSubscription('UnsubscribeConfirmation'), { forged: { Type: 'SubscriptionConfirmation' } }),
    'a subject that nobody signed': (s) => s.message({}, { forged: { Subject: 'x' } }),
    'a signature that is none': (s) => s.message({}, { forged: { Signature: 'bm8=' } }),
    'an empty signature': (s) => s.message({}, { forged: { Signature: '' } }),
    'a version that nobody knows': (s) => s.message({}, { forged: { SignatureVersion: '3' } }),
    'the other version': (s) => s.message({}, { forged: { SignatureVersion: '1' } }),
  };
  for (const [what, forge] of Object.entries(forgeries))
    test(`is refused as forged with ${what}`, () => assert.rejects(read(forge(sns)), ForgedCallbackError));

  const elsewhere = [
    'http://sns.eu-west-1.amazonaws.com/a.pem',
    'https://sns.eu-west-1.amazonaws.com.evil.example/a.pem',
    'https://evil.example/sns.eu-west-1.amazonaws.com/a.pem',
    'https://sns.eu-west-1.amazonaws.com@evil.example/a.pem',
    'https://sns.eu-west-1.amazonaws.com:8443/a.pem',
    // A bucket of S3 that somebody called "sns".
    'https://sns.s3-us-west-2.amazonaws.com/a.pem',
    'https://sns.s3.amazonaws.com/a.pem',
    'https://sns.eu-west-1.amazonaws.com/a.pem?x=1',
    'https://sns.eu-west-1.amazonaws.com/a.html',
    'https://sns.eu-west-1.amazonaws.com/a/b.pem',
    '/a.pem',
    '',
  ];
  for (const SigningCertURL of elsewhere)
    test(`is refused with a certificate from ${SigningCertURL || 'nowhere'}, which is not even asked for`, async () => {
      await assert.rejects(read(sns.message({ SigningCertURL })), ForgedCallbackError);
      assert.deepEqual(sns.asked, []);
    });

  test('is refused when it is old, or from the future', async () => {
    const at = (ms: number) => sns.message({ Timestamp: new Date(START + ms).toISOString() });
    await assert.rejects(read(at(-2 * 3_600_000 - 1)), ForgedCallbackError);
    await assert.rejects(read(at(15 * 60_000 + 1)), ForgedCallbackError);
    await assert.rejects(read(sns.message({ Timestamp: 'yesterday' })), ForgedCallbackError);
    await read(at(-2 * 3_600_000));
  });

  test('is refused from a topic that is not among the topics, where there are some', async () => {
    await assert.rejects(read(sns.message(), ['arn:aws:sns:eu-west-1:123456789012:other']), ForgedCallbackError);
    await read(sns.message(), ['arn:aws:sns:eu-west-1:123456789012:other', TOPIC]);
  });

  test('is refused without a signature: raw message delivery has none', async () => {
    const raw = callbackWith({ eventType: 'Delivery' }, { headers: { 'x-amz-sns-rawdelivery': 'true' } });
    await assert.rejects(
      read(raw),
      (error) => error instanceof ForgedCallbackError && /raw message/.test(error.message),
    );
  });

  test('is refused as unreadable when it is none', async () => {
    const bodies: Json[] = [
      '<html>',
      '',
      [],
      null,
      {},
      { Type: 'Other' },
      { Type: 7 },
      { Type: 'toString' },
      { Type: 'Notification' },
    ];
    for (const body of bodies) await assert.rejects(read(callbackWith(body)), CallbackError);
  });

  test('is to come again while the certificate cannot be had', async () => {
    sns.answering = (response) => response.writeHead(503).end();
    await assert.rejects(read(sns.message()), CallbackDeferredError);
    sns.answering = (response) => response.socket!.destroy();
    await assert.rejects(read(sns.message()), CallbackDeferredError);
    const asked = sns.asked.length;
    sns.answering = () => undefined;
    const reading = read(sns.message());
    while (sns.asked.length === asked) await new Promise((resolve) => setImmediate(resolve));
    tools.pass(10_000);
    await assert.rejects(reading, CallbackDeferredError);
    sns.answering = null;
    await read(sns.message());
  });

  test('is to come again when somebody else answers in the name of SNS', async () => {
    const fooled = snsDoor({ ...tools, connector: () => sns.connector('the system') });
    await assert.rejects(readSnsMessage(sns.message(), [], fooled, START), CallbackDeferredError);
    assert.deepEqual(sns.asked, []);
    await fooled.close();
  });

  test('is refused when there is no certificate at its address', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const answers = ['<html>Not found</html>', publicKey.export({ type: 'spki', format: 'pem' }).toString(), ''];
    for (const answer of answers) {
      sns.answering = (response) => response.end(answer);
      await assert.rejects(read(sns.message()), ForgedCallbackError);
    }
    sns.answering = (response) => response.writeHead(302, { location: 'https://evil.example/a.pem' }).end();
    await assert.rejects(read(sns.message()), ForgedCallbackError);
    sns.answering = (response) => response.end('x'.repeat(100_000));
    await assert.rejects(read(sns.message()), CallbackDeferredError);
  });
});
