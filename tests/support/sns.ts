/** Amazon SNS on the loopback: a TLS server in its name that has its certificate and confirms subscriptions, and messages that it signs. */
import { createSign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildConnector } from 'undici';
import type { Connector } from '#ports/connector.ts';
import type { Callback } from '#ports/provider.ts';
import { selfSigned } from './certificate.ts';
import { START, callbackWith } from './provider-tools.ts';

const HOST = 'sns.eu-west-1.amazonaws.com';
/** The topic of all messages that name no other. */
export const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:mail';

/** A running SNS. */
export interface Sns {
  /** Leads every connection here; whom it trusts there may be left to the system. */
  connector(trusts?: 'this SNS' | 'the system'): Connector;
  /** Paths and queries asked for, in their order. */
  asked: string[];
  /** How the next requests are answered; null: with the certificate, and 200. */
  answering: ((response: ServerResponse) => void) | null;
  /** A signed message, as SNS posts it. `changes` are made before it is signed, `forged` after that. */
  message(changes?: Fields, options?: { version?: '1' | '2'; forged?: Fields }): Callback;
  close(): Promise<void>;
}

type Fields = Record<string, string>;

// Made once: RSA keys take their time.
const ours = selfSigned(HOST);

/** Starts one. */
export async function startSns(): Promise<Sns> {
  const server = createServer(ours, (request, response) => {
    sns.asked.push(request.url ?? '');
    if (sns.answering) sns.answering(response);
    else if (request.url?.endsWith('.pem')) response.end(ours.cert);
    else response.end('<ConfirmSubscriptionResponse/>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sns: Sns = {
    connector(trusts = 'this SNS') {
      const connect = buildConnector({ allowH2: false, ...(trusts === 'this SNS' && { ca: ours.cert }) });
      return (target, callback) =>
        connect(
          { ...target, hostname: '127.0.0.1', host: '127.0.0.1', port: String(port), servername: target.hostname },
          callback,
        );
    },
    asked: [],
    answering: null,
    message: (changes = {}, { version = '2', forged = {} } = {}) => callbackOf(changes, version, forged),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return sns;
}

function callbackOf(changes: Fields, version: '1' | '2', forged: Fields): Callback {
  const fields: Fields = {
    Type: 'Notification',
    MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
    TopicArn: TOPIC,
    Message: 'Successfully validated SNS topic for Amazon SES event publishing.',
    Timestamp: new Date(START).toISOString(),
    SignatureVersion: version,
    SigningCertURL: `https://${HOST}/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem`,
    ...changes,
  };
  const names = ['Message', 'MessageId', 'Subject', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  const signed = names.filter((name) => fields[name] !== undefined).map((name) => `${name}\n${fields[name]}\n`);
  const signature = createSign(version === '1' ? 'sha1' : 'sha256')
    .update(signed.join(''))
    .sign(ours.key, 'base64');
  const headers = { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': fields['Type']! };
  return callbackWith({ ...fields, Signature: signature, ...forged }, { headers });
}

/** The fields of a message about a subscription. */
export function aboutSubscription(type: 'SubscriptionConfirmation' | 'UnsubscribeConfirmation'): Fields {
  return {
    Type: type,
    Token: '2336412f37fb687f5d51e6e241d09c805',
    Message: `You have chosen to subscribe to the topic ${TOPIC}.`,
    SubscribeURL: `https://${HOST}/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=2336412f37fb687f5d51e6e241d09c805`,
  };
}
