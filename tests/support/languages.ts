/** The same requests in two languages, the WebEngage dialect's and our own API's, about the account `shop` and its campaign `~a`. */
import assert from 'node:assert/strict';
import type { Answer } from './carom.ts';

/** A call to the API; what is left out is as in a good one. */
export interface Call {
  method?: string;
  path?: string;
  body?: unknown;
  key?: string | null;
  headers?: Record<string, string>;
}

/** One of the two. */
export interface Language {
  name: string;
  path: string;
  /** A good body with changes; undefined leaves a field out. */
  good(changes?: object): object;
  /** The call for these campaigns and this mode. */
  naming(campaignIds: string[], mode?: string): Call;
  /** Asserts that the answer is a refusal in its shape. */
  refused(answer: Answer, status: number): void;
}

/** `/v2/accounts/shop/…` */
export const webengage: Language = {
  name: 'the WebEngage dialect',
  path: '/v2/accounts/shop/transaction?campaignIds=~a&mode=all',
  good: (changes) => ({ userId: 'u', overrideData: { phone: '+919876543210' }, ...changes }),
  naming: (ids, mode = 'all') => {
    const query = [...ids.map((id) => `campaignIds=${encodeURIComponent(id)}`), ...(mode ? [`mode=${mode}`] : [])];
    return { path: `/v2/accounts/shop/transaction?${query.join('&')}`, body: webengage.good() };
  },
  refused: ({ status, headers, body }, expected) => {
    assert.equal(status, expected, JSON.stringify(body));
    assert.match(headers.get('content-type')!, /^application\/json/);
    assert.deepEqual(Object.keys(body), ['response']);
    assert.deepEqual(Object.keys(body.response).toSorted(), ['message', 'status']);
    assert.equal(body.response.status, 'error');
    assert.ok(body.response.message.length > 10);
  },
};

/** `/v1/…` */
export const own: Language = {
  name: 'our own API',
  path: '/v1/transactions',
  good: (changes) => ({ campaignIds: ['~a'], mode: 'all', userId: 'u', phone: '+919876543210', ...changes }),
  naming: (campaignIds, mode = 'all') => ({ body: own.good({ campaignIds, mode: mode || undefined }) }),
  refused: ({ status, headers, body }, expected) => {
    assert.equal(status, expected, JSON.stringify(body));
    assert.match(headers.get('content-type')!, /^application\/problem\+json/);
    assert.equal(body.status, expected);
    for (const field of ['type', 'title', 'detail', 'code']) assert.ok(body[field].length > 0, field);
  },
};
