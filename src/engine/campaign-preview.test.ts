/** What a preview shows. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { Account } from '#domain/account.ts';
import type { Campaign, MessageContent } from '#domain/campaign.ts';
import type { Profile } from '#domain/profile.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import { createTwigTemplates } from '#templates/twig.ts';
import { previewCampaign } from './campaign-preview.ts';
import type { PreviewRequest } from './campaign-preview.ts';

const ACCOUNT: Account = { id: 'shop', name: 'Shop', defaultRegion: 'IN', limits: {}, receiptWindowMs: 1_000 };
const PROFILE: Profile = { accountId: 'shop', userId: 'ana', fields: { firstName: 'Ana', phone: '98765 43210' } };
const NOBODY: PreviewRequest = { userId: null, token: {}, params: {}, email: null, phone: null };

function preview(content: Partial<MessageContent>, wanted: Partial<PreviewRequest> = {}) {
  const campaign: Campaign = {
    accountId: 'shop',
    id: '~sms',
    name: 'sms',
    state: 'draft',
    version: 3,
    content: { channel: 'sms', providers: ['sms-a'], ...content },
  };
  const profiles = { load: async (_account, userId) => (userId === 'ana' ? PROFILE : null) } as Pick<
    ProfileStore,
    'load'
  >;
  const tools = { profiles: profiles as ProfileStore, templates: createTwigTemplates() };
  return previewCampaign(tools, ACCOUNT, campaign, { ...NOBODY, ...wanted });
}

/** The only message of a preview that worked. */
async function shown(...given: Parameters<typeof preview>) {
  const outcome = await preview(...given);
  assert.ok(outcome.kind === 'rendered');
  return outcome.messages[0]!;
}

describe('a preview', () => {
  test('is rendered from the profile and the given values, also of a draft', async () => {
    const body = 'Hi {{ first_name }}, {{ token.order_id }} {{ txn.txn_id }} {{ gone }}';
    const ana = await shown({ body }, { userId: 'ana', token: { order_id: 'A-1' } });
    assert.equal(ana.texts.body, 'Hi Ana, A-1 preview ');
    assert.deepEqual([ana.to, ana.reason], ['+919876543210', null]);
    const other = await shown({ body }, { userId: 'ana', params: { first_name: 'Bo' }, phone: '+14155550123' });
    assert.deepEqual([other.texts.body, other.to], ['Hi Bo,  preview ', '+14155550123']);
  });

  test('says why nobody would get it', async () => {
    const nobody = await shown({ body: 'x' });
    assert.deepEqual([nobody.reason, nobody.to], ['no_address', null]);
    assert.equal((await shown({ body: 'x' }, { phone: '12' })).reason, 'invalid_address');
  });

  test('tells the author what fails', async () => {
    const failed = await preview({ body: '{% for n in 1..1000000000 %}x{% endfor %}' });
    assert.equal(failed.kind, 'failed');
  });
});
