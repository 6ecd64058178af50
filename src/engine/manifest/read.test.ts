/** Each fault a manifest can have: where it is said to be, and what the remedy is. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { configuredNode, httpProvider, manifest, smsCampaign } from '../../../tests/support/manifests.ts';
import { FAULTS_MAX } from './faults.ts';
import type { Fault } from './faults.ts';

async function faultsOf(input: unknown): Promise<Fault[]> {
  const { apply, store } = configuredNode();
  const outcome = await apply(input);
  assert.equal(store.writes(), 0, 'a manifest with faults writes nothing');
  return outcome.kind === 'refused' ? outcome.faults : [];
}

/** What is changed in the sound manifest → the one fault: its place, and a part of its words. */
type Case = [what: string, input: unknown, place: string, words: string];

const campaign = (changes: object) => manifest({ campaigns: [smsCampaign(changes)] });
const provider = (changes: object) =>
  manifest({ providers: [httpProvider(), { id: 'sms-a', channel: 'sms', type: 'sandbox', ...changes }] });
const key = (entry: object) => manifest({ keys: [entry] });
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

const CASES: Case[] = [
  ['nothing', undefined, '', 'must be a map'],
  ['a list', [], '', 'must be a map of keys and values; it is a list'],
  ['no account', manifest({ account: undefined }), 'account', 'is missing; name the account'],
  ['an account that is no text', manifest({ account: ['shop'] }), 'account', 'must be a text; it is a list'],
  ['an unknown key', manifest({ campaign: [] }), 'campaign', 'did you mean "campaigns"?'],
  ['an unknown key like no other', manifest({ colour: 1 }), 'colour', 'use one of account, name'],
  ['a name that is a number', manifest({ name: 7 }), 'name', 'put quotes around 7'],
  ['an empty name', manifest({ name: null }), 'name', 'is empty; give it a value, or leave it out'],
  ['a long name', manifest({ name: 'x'.repeat(1_001) }), 'name', 'has 1001 characters; at most 1000'],
  ['a region in small letters', manifest({ defaultRegion: 'in' }), 'defaultRegion', 'two capital letters of ISO 3166'],
  ['no such region', manifest({ defaultRegion: 'XX' }), 'defaultRegion', '"XX" is no region'],
  ['a receipt window without a unit', manifest({ receiptWindow: 60 }), 'receiptWindow', 'such as 60s'],
  [
    'a receipt window too long',
    manifest({ receiptWindow: '31d' }),
    'receiptWindow',
    'must be from 1s to 30d; it is "31d"',
  ],
  [
    'a limit that is no rate',
    manifest({ limits: { transaction: '200' } }),
    'limits.transaction',
    'a rate such as 200/s',
  ],
  [
    'an unknown limit',
    manifest({ limits: { transactions: '1/s' } }),
    'limits.transactions',
    'did you mean "transaction"?',
  ],
  ['NUL', manifest({ name: 'a\0b' }), 'name', 'a character that cannot be stored'],
  ['half of a pair', manifest({ name: 'a\ud83d' }), 'name', 'a character that cannot be stored'],
  ['NUL in a key', campaign({ data: { 'a\0': '1' } }), 'campaigns[0].data', '(in a key)'],
  ['endless nesting', manifest({ name: deep(60) }), `name${'[0]'.repeat(39)}`, 'nests deeper than 40 levels'],

  ['keys that are a map', manifest({ keys: {} }), 'keys', 'must be a list; it is a map'],
  [
    'a key that is a text',
    manifest({ keys: ['shop-key'] }),
    'keys[0]',
    'must be a map of keys and values; it is "shop-key"',
  ],
  ['a key without a key', key({ scopes: ['read'] }), 'keys[0].key', 'is missing; give the key'],
  ['a key with a blank', key({ key: 'a b', scopes: ['read'] }), 'keys[0].key', 'without blanks'],
  [
    'a key with a variable',
    key({ key: '${KEY:-x}', scopes: ['read'] }),
    'keys[0].key',
    'only "carom apply" replaces these',
  ],
  ['a key of digits', key({ key: 12345678, scopes: ['read'] }), 'keys[0].key', 'put quotes around 12345678'],
  ['no scopes', key({ key: 'k' }), 'keys[0].scopes', 'some of trigger, read, admin'],
  ['empty scopes', key({ key: 'k', scopes: [] }), 'keys[0].scopes', 'is empty; name at least one'],
  ['an unknown scope', key({ key: 'k', scopes: ['raed'] }), 'keys[0].scopes[0]', 'did you mean "read"?'],
  ['a scope twice', key({ key: 'k', scopes: ['read', 'read'] }), 'keys[0].scopes[1]', 'a second time'],
  [
    'a key to keep that is not there',
    key({ id: 'old', hint: 'old…', scopes: ['read'] }),
    'keys[0].id',
    'no stored key',
  ],
  [
    'an unknown key of a key',
    key({ key: 'k', scope: 'x', scopes: ['read'] }),
    'keys[0].scope',
    'did you mean "scopes"?',
  ],
  [
    'a key twice',
    manifest({
      keys: [
        { key: 'k', scopes: ['read'] },
        { key: 'k', scopes: ['admin'] },
      ],
    }),
    'keys[1].key',
    'this key stands in keys[0] already',
  ],
  [
    'the id of a key twice',
    manifest({
      keys: [
        { id: 'a', key: 'k', scopes: ['read'] },
        { id: 'a', key: 'l', scopes: ['admin'] },
      ],
    }),
    'keys[1].id',
    '"a" stands in keys[0] already',
  ],

  ['a provider without id', provider({ id: undefined }), 'providers[1].id', 'is missing; give the provider an id'],
  [
    'a provider without channel',
    provider({ channel: undefined }),
    'providers[1].channel',
    'is missing; use one of sms',
  ],
  ['an unknown channel', provider({ channel: 'SMS' }), 'providers[1].channel', 'did you mean "sms"?'],
  ['a provider without type', provider({ type: undefined }), 'providers[1].type', 'is missing; say what it speaks'],
  ['an unknown type', provider({ type: 'sandbx' }), 'providers[1].type', 'did you mean "sandbox"?'],
  [
    'an unknown word for receipts',
    provider({ receipts: 'callbacks' }),
    'providers[1].receipts',
    'did you mean "callback"?',
  ],
  ['a bad setting', provider({ behave: 'badly' }), 'providers[1].behave', '"badly" is not known'],
  ['an unknown setting', provider({ recepts: 'none' }), 'providers[1].recepts', 'did you mean "receipts"?'],
  [
    'a deep setting',
    manifest({ providers: [{ id: 'sms-a', channel: 'sms', type: 'http', request: {} }] }),
    'providers[0].request.url',
    'is missing',
  ],
  [
    'a secret to keep that is not there',
    manifest({
      providers: [{ id: 'sms-a', channel: 'sms', type: 'sandbox' }, httpProvider({ secrets: { token: '(kept)' } })],
    }),
    'providers[1].secrets.token',
    'has no stored value to keep',
  ],
  [
    'a provider twice',
    manifest({
      providers: [
        { id: 'sms-a', channel: 'sms', type: 'sandbox' },
        { id: 'sms-a', channel: 'sms', type: 'sandbox' },
      ],
    }),
    'providers[1].id',
    '"sms-a" stands in providers[0] already',
  ],

  ['a campaign without id', campaign({ id: undefined }), 'campaigns[0].id', 'is missing; give the campaign an id'],
  ['a long id', campaign({ id: 'x'.repeat(101) }), 'campaigns[0].id', 'at most 100 are allowed'],
  ['an id with a comma', campaign({ id: 'a,b' }), 'campaigns[0].id', 'separates ids in requests'],
  ['an id with blanks around', campaign({ id: ' a' }), 'campaigns[0].id', 'begins or ends with blanks'],
  ['an id that is a way up', campaign({ id: '..' }), 'campaigns[0].id', 'cannot be part of an address'],
  ['an id with too many digits', campaign({ id: 1e19 }), 'campaigns[0].id', 'put quotes around it'],
  [
    'a campaign twice',
    manifest({ campaigns: [smsCampaign({ id: 7 }), smsCampaign({ id: '7' })] }),
    'campaigns[1].id',
    '"7" stands in campaigns[0] already',
  ],
  ['an unknown state', campaign({ state: 'runing' }), 'campaigns[0].state', 'did you mean "running"?'],
  ['no channel', campaign({ channel: undefined }), 'campaigns[0].channel', 'is missing; use one of sms'],
  ['no provider', campaign({ provider: undefined }), 'campaigns[0].provider', 'is missing; name the provider'],
  ['provider and providers', campaign({ providers: ['sms-a'] }), 'campaigns[0].providers', 'keep one of the two'],
  [
    'no providers',
    campaign({ provider: undefined, providers: [] }),
    'campaigns[0].providers',
    'is empty; name at least one',
  ],
  ['an unknown provider', campaign({ provider: 'sms-b' }), 'campaigns[0].provider', 'did you mean "sms-a"?'],
  [
    'an unknown one of several',
    campaign({ provider: undefined, providers: ['sms-a', 'voice'] }),
    'campaigns[0].providers[1]',
    'add it to providers',
  ],
  [
    'a provider of another channel',
    campaign({ channel: 'email' }),
    'campaigns[0].provider',
    'a provider for sms, in a message for email',
  ],
  ['nothing to say', campaign({ body: undefined }), 'campaigns[0]', 'has nothing to say; give it a body'],
  ['a misspelt text', campaign({ subjct: 'x' }), 'campaigns[0].subjct', 'did you mean "subject"?'],
  ['a number as sender', campaign({ from: 911234 }), 'campaigns[0].from', 'put quotes around 911234'],
  ['a bad template', campaign({ body: 'Hi {{ first_name' }), 'campaigns[0].body', 'is no template: line 1'],
  ['a bad template in data', campaign({ data: { 'a.b': '{{' } }), 'campaigns[0].data.a.b', 'is no template: line 1'],
  [
    'a bad template as a variable',
    campaign({ template: { name: 't', variables: ['x', '{% if %}'] } }),
    'campaigns[0].template.variables[1]',
    'is no template: line 1',
  ],
  ['data that is no text', campaign({ data: { a: 1 } }), 'campaigns[0].data.a', 'put quotes around 1'],
  ['a template without a name', campaign({ template: { language: 'en' } }), 'campaigns[0].template.name', 'is missing'],
  [
    'a bad duration',
    campaign({ receiptTimeout: '5 min' }),
    'campaigns[0].receiptTimeout',
    'such as 500ms, 60s, 10m, 2h or 3d; it is "5 min"',
  ],
  [
    'too many attempts',
    campaign({ retry: { attempts: 21 } }),
    'campaigns[0].retry.attempts',
    'a whole number from 1 to 20',
  ],
  [
    'a bad pause',
    campaign({ retry: { backoff: ['1s', '2'] } }),
    'campaigns[0].retry.backoff[1]',
    'must be a duration with its unit',
  ],
  ['no pauses', campaign({ retry: { backoff: [] } }), 'campaigns[0].retry.backoff', 'is empty; give a duration'],
  [
    'an unknown word for onUnknown',
    campaign({ onUnknown: 'retry' }),
    'campaigns[0].onUnknown',
    'use one of resend, leave',
  ],
  ['attachments', campaign({ attachments: [] }), 'campaigns[0].attachments', 'put a link into the text'],
  ['a sender that is too short', campaign({ from: 'AB' }), 'campaigns[0].from', '3 to 11 letters and digits'],
  ['a sender that is too long', campaign({ from: 'TWELVE CHARS' }), 'campaigns[0].from', 'such as "+14155550100"'],
  ['tracking of a kind', campaign({ tracking: 'no' }), 'campaigns[0].tracking', 'must be false, or a map'],
  ['an unknown kind of tracking', campaign({ tracking: { click: false } }), 'campaigns[0].tracking.click', '"clicks"?'],
  ['tracking that is half off', campaign({ tracking: { opens: 0 } }), 'campaigns[0].tracking.opens', 'true or false'],
];

describe('a fault of a manifest', () => {
  test('none in a sound one', async () => {
    const { apply } = configuredNode();
    assert.equal((await apply(manifest())).kind, 'applied');
  });

  for (const [what, input, place, words] of CASES) {
    test(what, async () => {
      const faults = await faultsOf(input);
      assert.deepEqual(faults.map(placeOf), [place], JSON.stringify(faults));
      assert.ok(faults[0]!.message.includes(words), faults[0]!.message);
    });
  }

  test('all of them at once', async () => {
    const input = manifest({
      defaultRegion: 'xx',
      providers: [{ id: 'sms-a', channel: 'sms', type: 'sandbox', behave: 'badly' }],
      campaigns: [smsCampaign({ provider: 'none', receiptTimeout: 5, body: '{{', html: '{%' })],
    });
    assert.deepEqual((await faultsOf(input)).map(placeOf).toSorted(), [
      'campaigns[0].body',
      'campaigns[0].html',
      'campaigns[0].provider',
      'campaigns[0].receiptTimeout',
      'defaultRegion',
      'providers[0].behave',
    ]);
  });

  test('a campaign is not blamed for its provider’s faults', async () => {
    const input = manifest({ providers: [{ id: 'sms-a', channel: 'smoke', type: 'sandbox' }] });
    assert.deepEqual((await faultsOf(input)).map(placeOf), ['providers[0].channel']);
  });

  test('of very many, only the number is told', async () => {
    const campaigns = Array.from({ length: FAULTS_MAX + 50 }, (_, index) => smsCampaign({ id: index, retry: 1 }));
    const faults = await faultsOf(manifest({ campaigns }));
    assert.equal(faults.length, FAULTS_MAX + 1);
    assert.deepEqual(faults.at(-1), { path: [], message: 'has 50 more faults; mend these first' });
  });

  test('a name of JavaScript’s own is a name like any other', async () => {
    assert.deepEqual((await faultsOf(JSON.parse('{"__proto__": {"account": "x"}}'))).map(placeOf), [
      '__proto__',
      'account',
    ]);
    assert.deepEqual((await faultsOf({ constructor: 1, account: 'a' })).map(placeOf), ['constructor']);
  });
});

function placeOf({ path }: Fault): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');
}
