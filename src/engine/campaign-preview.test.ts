/** What a preview shows. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { Account } from '#domain/account.ts';
import type { Campaign, CampaignContent } from '#domain/campaign.ts';
import type { Profile } from '#domain/profile.ts';
import type { ProfileStore } from '#ports/profile-store.ts';
import { createTwigTemplates } from '#templates/twig.ts';
import { previewCampaign } from './campaign-preview.ts';
import type { PreviewRequest } from './campaign-preview.ts';

const ACCOUNT: Account = { id: 'shop', name: 'Shop', defaultRegion: 'IN', limits: {}, receiptWindowMs: 1_000 };
const PROFILE: Profile = { accountId: 'shop', userId: 'ana', fields: { firstName: 'Ana', phone: '98765 43210' } };
const NOBODY: PreviewRequest = { userId: null, token: {}, params: {}, email: null, phone: null };

function preview(content: Partial<CampaignContent>, wanted: Partial<PreviewRequest> = {}) {
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
  return previewCampaign(tools, ACCOUNT, campaign, { ...NOBODY, ...wanted }, 0);
}

describe('a preview', () => {
  test('is rendered from the profile and the given values, also of a draft', async () => {
    const body = 'Hi {{ first_name }}, {{ token.order_id }} {{ txn.txn_id }} {{ gone }}';
    const shown = await preview({ body }, { userId: 'ana', token: { order_id: 'A-1' } });
    assert.ok(shown.kind === 'rendered');
    assert.equal(shown.texts.body, 'Hi Ana, A-1 preview ');
    assert.deepEqual([shown.to, shown.reason], ['+919876543210', null]);
    const other = await preview({ body }, { userId: 'ana', params: { first_name: 'Bo' }, phone: '+14155550123' });
    assert.ok(other.kind === 'rendered');
    assert.deepEqual([other.texts.body, other.to], ['Hi Bo,  preview ', '+14155550123']);
  });

  test('says why nobody would get it', async () => {
    const nobody = await preview({ body: 'x' });
    assert.ok(nobody.kind === 'rendered' && nobody.reason === 'no_address' && nobody.to === null);
    const wrong = await preview({ body: 'x' }, { phone: '12' });
    assert.ok(wrong.kind === 'rendered' && wrong.reason === 'invalid_address');
  });

  test('tells the author what fails', async () => {
    const failed = await preview({ body: '{% for n in 1..1000000000 %}x{% endfor %}' });
    assert.equal(failed.kind, 'failed');
  });
});
