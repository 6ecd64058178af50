import assert from 'node:assert/strict';
import test from 'node:test';
import type { FastifyRequest } from 'fastify';
import { machineReason } from './visitor.ts';

const BROWSERS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0',
  'Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/520.0.0.0]',
  'Mozilla/5.0 (Linux; Android 15; SM-S928B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/139.0.0.0 Mobile Safari/537.36 GSA/16.0',
];

function reason(
  headers: Record<string, string>,
  status: 'clicked' | 'opened' = 'clicked',
  method = 'GET',
): string | null {
  return machineReason({ method, headers } as unknown as FastifyRequest, status);
}

test('browsers are people', () => {
  for (const agent of BROWSERS) {
    assert.equal(reason({ 'user-agent': agent }), null, agent);
    assert.equal(reason({ 'user-agent': agent }, 'opened'), null, agent);
  }
});

test('bots, previews and scanners are not', () => {
  const agents = {
    bot: ['curl/8.5.0', 'python-requests/2.32', 'WhatsApp/2.24', 'facebookexternalhit/1.1', 'Slackbot-LinkExpanding 1.0', 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'],
    link_scanner: ['BarracudaCentral', `${BROWSERS[0]} Mimecast`, 'Proofpoint URL Defense', 'Mozilla/5.0 (Zscaler)'],
    privacy_proxy: ['Mozilla/5.0'],
  }; // prettier-ignore
  for (const [wanted, all] of Object.entries(agents))
    for (const agent of all) assert.equal(reason({ 'user-agent': agent }), wanted, agent);
});

test('nor is who does not say what he is, only looks, or looks ahead', () => {
  const agent = { 'user-agent': BROWSERS[0]! };
  assert.equal(reason({}), 'no_user_agent');
  assert.equal(reason({ 'user-agent': ' ' }), 'no_user_agent');
  assert.equal(reason(agent, 'clicked', 'HEAD'), 'head_request');
  assert.equal(reason({ ...agent, 'sec-purpose': 'prefetch;prerender' }), 'prefetch');
  assert.equal(reason({ ...agent, purpose: 'prefetch' }), 'prefetch');
  assert.equal(reason({ ...agent, 'x-moz': 'prefetch' }), 'prefetch');
});

test('a mail provider that fetches a picture does it for somebody who has opened the message', () => {
  const agents = [
    'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)',
    'YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html',
  ];
  for (const agent of agents) {
    assert.equal(reason({ 'user-agent': agent }, 'opened'), null, agent);
    assert.equal(reason({ 'user-agent': agent }), 'bot', agent);
  }
});
