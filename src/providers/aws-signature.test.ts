import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { awsSigner, sha256 } from './aws-signature.ts';

/** The account of AWS's own test suite for Signature Version 4, and its instant. */
const SCOPE = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: null,
  region: 'us-east-1',
  service: 'service',
};
const NOW = Date.UTC(2015, 7, 30, 12, 36);
const HOST = { host: 'example.amazonaws.com' };
const TOKEN =
  'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==';

interface Vector {
  method: string;
  headers: Record<string, string>;
  body?: string;
  sessionToken?: string;
  signed: string;
  signature: string;
}

/** The cases of the suite that are requests as ours are, by their names. */
const VECTORS: Record<string, Vector> = {
  'post-vanilla': {
    method: 'POST',
    headers: HOST,
    signed: 'host;x-amz-date',
    signature: '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  },
  'post-header-value-case': {
    method: 'POST',
    headers: { ...HOST, 'my-header1': 'VALUE1' },
    signed: 'host;my-header1;x-amz-date',
    signature: 'cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d',
  },
  'get-header-key-duplicate': {
    method: 'GET',
    headers: { ...HOST, 'my-header1': 'value2,value2,value1' },
    signed: 'host;my-header1;x-amz-date',
    signature: 'c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea',
  },
  'post-x-www-form-urlencoded': {
    method: 'POST',
    headers: { ...HOST, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'Param1=value1',
    signed: 'content-type;host;x-amz-date',
    signature: 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  },
  'post-sts-header-before': {
    method: 'POST',
    headers: HOST,
    sessionToken: TOKEN,
    signed: 'host;x-amz-date;x-amz-security-token',
    signature: '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
  },
};

describe('a signature of AWS', () => {
  for (const [name, { method, headers, body = '', sessionToken = null, signed, signature }] of Object.entries(VECTORS))
    test(`is that of AWS's test suite: ${name}`, () => {
      const sign = awsSigner({ ...SCOPE, sessionToken });
      const added = sign({ method, path: '/', headers, bodySha256: sha256(body) }, NOW);
      assert.deepEqual(added, {
        'x-amz-date': '20150830T123600Z',
        ...(sessionToken !== null && { 'x-amz-security-token': sessionToken }),
        authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${signed}, Signature=${signature}`,
      });
    });

  test('is made with the key of its day', () => {
    const sign = awsSigner(SCOPE);
    const request = { method: 'POST', path: '/', headers: HOST, bodySha256: sha256('') };
    const first = sign(request, NOW);
    const nextDay = sign(request, NOW + 86_400_000);
    assert.match(nextDay.authorization, /20150831\/us-east-1/);
    assert.notEqual(nextDay.authorization.slice(-64), first.authorization.slice(-64));
    assert.deepEqual(nextDay, awsSigner(SCOPE)(request, NOW + 86_400_000));
    assert.deepEqual(sign(request, NOW), first);
  });
});
