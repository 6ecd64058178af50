/** Certificates for servers on the loopback that answer in another's name: made while the tests run, valid from 2000 to 2049. */
import { createSign, generateKeyPairSync } from 'node:crypto';

/** Object identifiers, encoded (RFC 5280, RFC 8017). */
const OID = {
  sha256WithRsa: '2a864886f70d01010b',
  commonName: '550403',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
};

/** A certificate that signs itself, in PEM, with its private key. Good for 127.0.0.1 beside the name. */
export function selfSigned(hostname: string): { cert: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const algorithm = sequence(tlv(0x06, Buffer.from(OID.sha256WithRsa, 'hex')), tlv(0x05));
  const name = sequence(tlv(0x31, sequence(oid(OID.commonName), tlv(0x0c, Buffer.from(hostname)))));
  const validity = sequence(tlv(0x17, Buffer.from('000101000000Z')), tlv(0x17, Buffer.from('491231235959Z')));
  const alternatives = sequence(tlv(0x82, Buffer.from(hostname)), tlv(0x87, Buffer.from([127, 0, 0, 1])));
  const isAuthority = sequence(tlv(0x01, Buffer.from([0xff])));
  const extensions = sequence(
    sequence(oid(OID.subjectAltName), tlv(0x04, alternatives)),
    sequence(oid(OID.basicConstraints), tlv(0x04, isAuthority)),
  );
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.from([1])),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, extensions),
  );
  const signature = createSign('sha256').update(body).sign(privateKey);
  const der = sequence(body, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** One for servers of tests on the loopback, and its key. */
export const { cert: CERTIFICATE, key: CERTIFICATE_KEY } = selfSigned('localhost');

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'));
}

function sequence(...parts: Buffer[]): Buffer {
  return tlv(0x30, ...parts);
}

/** Tag, length, value (X.690 §8.1). */
function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}
