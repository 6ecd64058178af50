/** The files of campaigns in a manifest: taken in once, shown without their content. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test, { describe } from 'node:test';
import { patchCampaign, putCampaign, versionedCampaignView } from '../campaign-admin.ts';
import {
  changesOf,
  configuredNode,
  faultsOf,
  fieldsOf,
  manifest,
  messageIn,
} from '../../../tests/support/manifests.ts';
import { manifestOf } from './of.ts';

const TERMS = Buffer.from('the terms');
const SHA256 = createHash('sha256').update(TERMS).digest('hex');
const SHOWN = { name: 'terms.pdf', type: 'application/pdf', sha256: SHA256, sizeBytes: TERMS.length };

/** A manifest with an e-mail that has these files. */
function withFiles(attachments: unknown, changes: object = {}): Record<string, unknown> {
  const email = {
    id: '~mail',
    state: 'running',
    channel: 'email',
    provider: 'mail',
    body: 'Hi',
    attachments,
    ...changes,
  };
  return manifest({ providers: [{ id: 'mail', channel: 'email', type: 'sandbox' }], campaigns: [email] });
}

const terms = { name: 'terms.pdf', data: TERMS.toString('base64') };

describe('files of a campaign', () => {
  test('are stored by their content, and shown without it; what is shown changes nothing when it is applied', async () => {
    const node = configuredNode();
    assert.equal((await node.apply(withFiles([terms]))).kind, 'applied');
    assert.deepEqual(messageIn(node.config.campaign('shop', '~mail')!.content).attachments, [SHOWN]);
    assert.deepEqual(await node.tools.files.read({ accountId: 'shop', sha256: SHA256 }), TERMS);
    const shown = manifestOf(node.config, 'shop', node.tools.providerTypes)!;
    assert.deepEqual((shown['campaigns'] as { attachments: unknown }[])[0]!.attachments, [SHOWN]);
    assert.deepEqual(changesOf(await node.apply(shown)), []);
    assert.deepEqual(changesOf(await node.apply(withFiles([terms]))), []);
  });

  test('make the next version when they change, and a dry run stores nothing', async () => {
    const node = configuredNode();
    await node.apply(withFiles([terms]));
    const other = { ...terms, data: Buffer.from('others').toString('base64') };
    const planned = await node.apply(withFiles([other]), { dryRun: true });
    assert.deepEqual(
      fieldsOf(planned).map(({ field }) => field),
      ['attachments', 'version'],
    );
    const sha256 = createHash('sha256').update('others').digest('hex');
    assert.equal(await node.tools.files.read({ accountId: 'shop', sha256 }), null);
    await node.apply(withFiles([other]));
    assert.equal(node.config.campaign('shop', '~mail')!.version, 2);
  });

  test('can be given to stages, and in the API, where a patch keeps them', async () => {
    const node = configuredNode();
    await node.apply(withFiles([terms]));
    const mail = { channel: 'email', provider: 'mail', body: 'Hi' };
    const put = await putCampaign(node.tools, 'shop', '~two', {
      stages: [{ wait: '1s' }, { ...mail, attachments: [terms] }],
    });
    assert.equal(put.kind, 'done');
    const patched = await patchCampaign(node.tools, 'shop', '~mail', { body: 'Hello' });
    assert.ok(patched.kind === 'done');
    assert.deepEqual(versionedCampaignView(patched.campaign)['attachments'], [SHOWN]);
    assert.equal(patched.campaign.version, 2);
  });

  test('are refused where they stand', async () => {
    const at = 'campaigns.0.attachments';
    const cases: [unknown, string[]][] = [
      ['terms.pdf', [`${at}: must be a list; it is "terms.pdf"`]],
      [[{ data: 'QUJD' }], [`${at}.0.name: is missing; give the name that recipients see, such as "terms.pdf"`]],
      [[{ name: 'a/b', data: 'QUJD' }], [`${at}.0.name: must have no slashes, backslashes and control characters`]],
      [[terms, { name: 'b', data: 'QU*D' }], [`${at}.1.data: is not base64: "*" cannot stand at character 3`]],
      [[{ name: 'b', type: 'pdf', data: 'QUJD' }], [`${at}.0.type: must be a media type such as "application/pdf"`]],
      [[{ name: 'b' }], [`${at}.0.data: is missing; give the content of the file in base64, or as a data URL`]],
      [
        [{ ...SHOWN, data: 'QUJD' }],
        [
          `${at}.0.sha256: stands beside "data", which says it; leave it out`,
          `${at}.0.sizeBytes: stands beside "data", which says it; leave it out`,
        ],
      ],
      [[SHOWN], [`${at}.0.sha256: is of no file that is stored here; give the content as "data"`]],
      [Array.from({ length: 21 }, () => terms), [`${at}: has 21 entries; at most 20 are allowed`]],
    ];
    for (const [attachments, faults] of cases) {
      assert.deepEqual(faultsOf(await configuredNode().apply(withFiles(attachments))), faults);
    }
    const sms = withFiles([terms], { channel: 'sms' });
    assert.ok(faultsOf(await configuredNode().apply(sms)).some((fault) => /only e-mails have files/.test(fault)));
    const put = await putCampaign(configuredNode().tools, 'shop', '~mail', {
      channel: 'email',
      provider: 'mail',
      body: 'Hi',
      attachments: [SHOWN],
    });
    assert.deepEqual(faultsOf(put), [
      'attachments.0.sha256: is of no file that is stored here; give the content as "data"',
    ]);
  });
});
