/**
 * Who follows a link: a person, or software that looks at messages before or beside one. Software that shows itself as a
 * browser and behaves like one cannot be told apart here; docs/tracking.md says what that means for the figures.
 */
import type { FastifyRequest } from 'fastify';
import { isbot } from 'isbot';

/** Makers of mail gateways and link checkers, as they call themselves. */
const SCANNERS =
  /barracuda|bitdefender|checkpoint|\bcisco|cloudmark|cyren|\beset\b|fireeye|forcepoint|fortinet|ironport|kaspersky|mailguard|mailscanner|messagelabs|mimecast|netcraft|proofpoint|safelinks|safebrowsing|sophos|spamhaus|symantec|trellix|trend ?micro|\btmes\b|urldefense|urlscan|\bvade|virustotal|websense|zscaler/i;
/** Of mail providers, fetching pictures when their user opens the message. */
const PICTURE_PROXIES = /GoogleImageProxy|YahooMailProxy/;
/** All that Apple's mail programs say when they fetch the pictures of every message, opened or not. */
const PRIVACY_PROXY = 'Mozilla/5.0';

/** Why it was no person, in a word for the timeline; null: it looks like one. */
export function machineReason({ method, headers }: FastifyRequest, status: 'clicked' | 'opened'): string | null {
  if (method !== 'GET') return 'head_request';
  if (isAhead(headers)) return 'prefetch';
  const agent = headers['user-agent']?.trim() ?? '';
  if (agent === '') return 'no_user_agent';
  if (agent === PRIVACY_PROXY) return 'privacy_proxy';
  if (SCANNERS.test(agent)) return 'link_scanner';
  if (status === 'opened' && PICTURE_PROXIES.test(agent)) return null;
  return isbot(agent) ? 'bot' : null;
}

/** Browsers say so when they load what may be wanted next. */
function isAhead(headers: FastifyRequest['headers']): boolean {
  const purposes = [headers['sec-purpose'], headers['purpose'], headers['x-purpose'], headers['x-moz']];
  return purposes.some((purpose) => /prefetch|prerender|preview/i.test(String(purpose ?? '')));
}
