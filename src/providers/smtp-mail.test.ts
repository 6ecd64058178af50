import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import test, { describe } from 'node:test';
import PostalMime from 'postal-mime';
import { outgoing, providerConfig } from '../../tests/support/provider-tools.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import { marksOf } from './bounce-address.ts';
import { writeLetter } from './smtp-mail.ts';
import type { Letter, Stationery } from './smtp-mail.ts';

const NOW = Date.UTC(2026, 4, 21, 10);
const PLAIN: Stationery = {
  from: { name: 'Shop', address: 'shop@example.com' },
  dkim: null,
  bounces: null,
  deliveryReports: true,
  marks: marksOf(providerConfig('smtp', {})),
};
const MAIL: Partial<OutgoingMessage> = {
  channel: 'email',
  to: 'ana@example.net',
  from: null,
  subject: 'Your order',
  body: 'Hi Ana',
};

async function write(changes: Partial<OutgoingMessage> = {}, stationery: Partial<Stationery> = {}): Promise<Letter> {
  const letter = await writeLetter(outgoing({ ...MAIL, ...changes }), { ...PLAIN, ...stationery }, NOW);
  assert(letter.kind === 'letter', JSON.stringify(letter));
  return letter;
}

const read = async (changes: Partial<OutgoingMessage>) => PostalMime.parse((await write(changes)).mail);

describe('a mail', () => {
  test('has text and HTML, from whom and to whom, and a name that our id is in', async () => {
    const message = outgoing({ ...MAIL, html: '<p>Hi Änn</p>', replyTo: 'Help <help@example.com>' });
    const letter = await writeLetter(message, PLAIN, NOW);
    assert(letter.kind === 'letter');
    const mail = await PostalMime.parse(letter.mail);
    assert.deepEqual(mail.from, { name: 'Shop', address: 'shop@example.com' });
    assert.deepEqual(mail.to, [{ name: '', address: 'ana@example.net' }]);
    assert.deepEqual(mail.replyTo, [{ name: 'Help', address: 'help@example.com' }]);
    assert.deepEqual([mail.subject, mail.text?.trim(), mail.html?.trim()], ['Your order', 'Hi Ana', '<p>Hi Änn</p>']);
    assert.equal(mail.date, '2026-05-21T10:00:00.000Z');
    assert.equal(mail.messageId, `<${letter.id}>`);
    assert(letter.id.startsWith(`${message.messageId}.`) && letter.id.endsWith('@example.com'));
  });

  test('has CRLF alone, and no line that SMTP forbids', async () => {
    const { mail } = await write({ body: `one\ntwo\r\n.\n${'ü'.repeat(3_000)}`, html: `<p>${'x'.repeat(3_000)}</p>` });
    const text = mail.toString();
    assert.doesNotMatch(text, /[^\r]\n|\r[^\n]/);
    assert(text.split('\r\n').every(({ length }) => length <= 998));
  });

  test('has its files byte for byte', async () => {
    const files = [Buffer.from('line\nline\r\n.\n'), Buffer.alloc(0), randomBytes(300_001)];
    const mail = await read({
      attachments: files.map((content, n) => ({
        name: `Rechnung ä "${n}".txt`,
        type: n === 2 ? 'application/pdf' : 'text/plain',
        sizeBytes: content.length,
        content: async () => content,
      })),
    });
    assert.deepEqual(
      mail.attachments.map(({ filename }) => filename),
      files.map((_, n) => `Rechnung ä "${n}".txt`),
    );
    files.forEach((content, n) => {
      assert.deepEqual(Buffer.from(mail.attachments[n]!.content as ArrayBuffer), content);
    });
  });

  test('has the headers it must carry, for unsubscribing by one click', async () => {
    const url = `<https://carom.example/u/${'a'.repeat(200)}>`;
    const { headers } = await read({
      headers: { 'List-Unsubscribe': url, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
    });
    const valueOf = (name: string) => headers.find(({ key }) => key === name)?.value;
    assert.equal(valueOf('list-unsubscribe'), url);
    assert.equal(valueOf('list-unsubscribe-post'), 'List-Unsubscribe=One-Click');
  });

  test('comes from the provider’s address where the campaign names nobody, or only a name', async () => {
    assert.equal((await read({ from: null })).from?.name, 'Shop');
    assert.deepEqual((await read({ from: 'My "Shop"' })).from, { name: 'My Shop', address: 'shop@example.com' });
    assert.deepEqual((await read({ from: 'Ö <o@exämple.org>' })).from, { name: 'Ö', address: 'o@xn--exmple-cua.org' });
  });
});

describe('nothing breaks out of its place', () => {
  test('a subject of several lines is one', async () => {
    const mail = await read({ subject: 'Hi\r\nBcc: eve@example.org\r\n\r\nbody' });
    assert.equal(mail.subject, 'Hi Bcc: eve@example.org body');
    assert.equal(mail.bcc, undefined);
  });

  const CASES: [Partial<OutgoingMessage>, reason: string][] = [
    [{ to: 'ana@example.net\r\nRCPT TO:<eve@example.org>' }, 'invalid_address'],
    [{ to: 'ana@example.net>\r\n' }, 'invalid_address'],
    [{ to: 'ana@example.net, eve@example.org' }, 'invalid_address'],
    [{ to: '<ana@example.net>' }, 'invalid_address'],
    [{ to: 'ana' }, 'invalid_address'],
    [{ to: `${'a'.repeat(65)}@example.net` }, 'invalid_address'],
    [{ to: 'ana@exa mple.net' }, 'invalid_address'],
    [{ from: 'Shop <shop@example.com>\r\nBcc: eve@example.org' }, 'invalid_sender'],
    [{ from: 'shop@example.com, eve@example.org' }, 'invalid_sender'],
    [{ from: 'Shop <shop@>' }, 'invalid_sender'],
    [{ replyTo: 'help@example.com\nBcc: eve@example.org' }, 'invalid_content'],
    [{ headers: { 'X-One': 'a\r\nBcc: eve@example.org' } }, 'invalid_content'],
    [{ headers: { 'Bcc: eve@example.org\r\nX': 'a' } }, 'invalid_content'],
    [
      { attachments: [{ name: 'a', type: 'b/c', sizeBytes: 60_000_000, content: async () => Buffer.alloc(0) }] },
      'too_large',
    ],
  ];
  for (const [changes, reason] of CASES)
    test(JSON.stringify(changes), async () => {
      const letter = await writeLetter(outgoing({ ...MAIL, ...changes }), PLAIN, NOW);
      assert.equal(letter.kind === 'unwritable' ? letter.reason : letter.kind, reason);
    });

  test('a file’s name is only a name', async () => {
    const attachments = [
      {
        name: 'a"\r\nBcc: eve@example.org\r\n',
        type: 'text/plain',
        sizeBytes: 1,
        content: async () => Buffer.from('x'),
      },
    ];
    const { mail } = await write({ attachments });
    assert.doesNotMatch(mail.toString(), /^Bcc/im);
    const typed = await write({
      attachments: attachments.map((one) => ({ ...one, type: 'text/x\r\nBcc: eve@example.org' })),
    });
    assert.doesNotMatch(typed.mail.toString(), /^Bcc/im);
  });
});

describe('the envelope', () => {
  test('is the sender’s own where bounces are nobody’s concern', async () => {
    const { envelope, mail } = await write({ to: 'ana@exämple.net' });
    assert.deepEqual(envelope, { from: 'shop@example.com', to: ['ana@xn--exmple-cua.net'], size: mail.length });
  });

  test('names the message where they are, and asks for reports', async () => {
    const letter = await write({}, { bounces: { localPart: 'b', domain: 'bounce.example.com' } });
    const mark = letter.id.split('@')[0]!;
    assert.equal(letter.envelope.from, `b+${mark}@bounce.example.com`);
    const notify = ['SUCCESS', 'FAILURE'];
    assert.deepEqual(letter.envelope.dsn, { ret: 'HDRS', envid: mark, notify, orcpt: 'rfc822;ana@example.net' });
    const quiet = await write(
      {},
      { bounces: { localPart: 'b', domain: 'bounce.example.com' }, deliveryReports: false },
    );
    assert.deepEqual(quiet.envelope.dsn?.notify, ['FAILURE']);
  });
});

describe('DKIM (RFC 6376), checked by hand', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const dkim = { domain: 'example.com', selector: 'mail', privateKey };

  test('the signature holds for what it names, and for nothing that was changed', async () => {
    const { mail } = await write(
      {
        html: '<p>Hi  there </p>\n\n\n',
        headers: {
          'List-Unsubscribe': '<https://carom.example/u/a>',
          'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
        },
      },
      { dkim },
    );
    const checked = check(mail.toString('latin1'));
    assert.deepEqual(checked, { bodyHolds: true, headersHold: true, domain: 'example.com', selector: 'mail' });
    const changed = check(mail.toString('latin1').replace('Your order', 'Your prize'));
    assert.deepEqual([changed.bodyHolds, changed.headersHold], [true, false]);
    assert.equal(check(mail.toString('latin1').replace('Hi Ana', 'Hi Eve')).bodyHolds, false);
    for (const name of ['from', 'to', 'subject', 'date', 'message-id', 'list-unsubscribe', 'list-unsubscribe-post'])
      assert(signedNames(mail.toString('latin1')).includes(name), name);
  });

  function signedNames(raw: string): string[] {
    return tagsOf(raw)['h']!.toLowerCase().split(':');
  }

  function tagsOf(raw: string): Record<string, string> {
    const [, value] = /^DKIM-Signature:((?:.*\r\n)(?:[ \t].*\r\n)*)/im.exec(raw)!;
    const tags = value!.replaceAll(/\s+/g, '').split(';').filter(Boolean);
    return Object.fromEntries(tags.map((tag) => [tag.slice(0, tag.indexOf('=')), tag.slice(tag.indexOf('=') + 1)]));
  }

  /** RFC 6376 §3.4.2, §3.4.4 and §3.7, for relaxed/relaxed. */
  function check(raw: string) {
    const end = raw.indexOf('\r\n\r\n');
    const fields = raw.slice(0, end).split(/\r\n(?![ \t])/);
    const tags = tagsOf(raw);
    assert.deepEqual([tags['v'], tags['a'], tags['c']], ['1', 'rsa-sha256', 'relaxed/relaxed']);
    const relaxed = (field: string) => {
      const colon = field.indexOf(':');
      const value = field
        .slice(colon + 1)
        .replaceAll(/\r\n/g, '')
        .replaceAll(/[ \t]+/g, ' ')
        .trim();
      return `${field.slice(0, colon).trim().toLowerCase()}:${value}`;
    };
    const body = raw
      .slice(end + 4)
      .split('\r\n')
      .map((line) => line.replaceAll(/[ \t]+/g, ' ').replace(/ $/, ''));
    const canonical = body.join('\r\n').replace(/(?:\r\n)+$/, '');
    const hash = createHash('sha256')
      .update(canonical === '' ? '' : `${canonical}\r\n`, 'latin1')
      .digest('base64');
    const signed = tags['h']!.split(':').map((name) =>
      fields.findLast((field) => field.toLowerCase().startsWith(`${name.toLowerCase()}:`)),
    );
    const signature = fields.find((field) => /^dkim-signature:/i.test(field))!;
    const text = [
      ...signed.filter((field) => field !== undefined).map(relaxed),
      relaxed(signature).replace(/([;\s]b=)[^;]*/, '$1'),
    ].join('\r\n');
    const headersHold = verify('sha256', Buffer.from(text, 'latin1'), publicKey, Buffer.from(tags['b']!, 'base64'));
    return { bodyHolds: hash === tags['bh'], headersHold, domain: tags['d'], selector: tags['s'] };
  }
});
