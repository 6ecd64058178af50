/**
 * Puts links to us into a message that is about to be handed over: for its links, for the picture that tells of an open,
 * for unsubscribing, for the reports of the user's device. Where they lead is stored before the message goes out, so that nobody can be faster than the row.
 */
import type { Channel, MessageContent } from '#domain/campaign.ts';
import { rewriteHtml } from '#domain/html-links.ts';
import type { AccountId, MessageId, UserId } from '#domain/ids.ts';
import { LINKS_MAX, rewriteAddress, rewriteText, withoutMarks } from '#domain/tracked-links.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { OutgoingMessage } from '#ports/provider.ts';
import type { TrackingStore } from '#ports/tracking-store.ts';
import type { Rendered } from './render.ts';
import { OPEN, REPORT, UNSUBSCRIBE } from './tracking-token.ts';
import type { MessageTokens, Tokens } from './tracking-token.ts';
import { untilThere } from './until-there.ts';

/** What tracking needs. */
export interface TrackingTools {
  tracked: TrackingStore;
  tokens: Tokens;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
  /** Carom's address as recipients see it, without a trailing slash. */
  publicUrl: string;
}

/** A rendered message. */
export interface Trackable {
  accountId: AccountId;
  messageId: MessageId;
  userId: UserId;
  channel: Channel;
  /** What its campaign does not want to be tracked. */
  tracking?: MessageContent['tracking'];
  /** Whether the user's device will be told where to report. */
  isReported?: boolean;
  texts: Rendered;
}

/** The texts with links to us in them, what e-mail says about unsubscribing, and where the device reports. */
export type Tracked = Rendered & Pick<OutgoingMessage, 'unsubscribeUrl' | 'headers' | 'report'>;

/** What every message goes through on its way out. */
export interface Tracking {
  /** `unsubscribe_url` of the message's templates. It leads to a page once `track` has seen it in a text. */
  unsubscribeUrlOf(id: MessageId): string;
  /** Resolves when the links lead somewhere; waits while the store is away. A message that gets none is not stored. */
  track(message: Trackable): Promise<Tracked>;
}

/** Channels whose text people click in. */
const CLICKED_IN: ReadonlySet<Channel> = new Set(['sms', 'email', 'whatsapp', 'push', 'web_push', 'rcs']);
/** Channels that open an address when they are tapped. */
const TAPPED: ReadonlySet<Channel> = new Set(['push', 'web_push']);
/** Addresses that mean another machine for everybody else. */
const ONLY_HERE = /^https?:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:|\/|$)/i;
const ONLY_HERE_REMEDY =
  'links in messages lead to this machine alone; set CAROM_PUBLIC_URL to where recipients reach it';

/** The texts as recipients see them when nothing is tracked: for dry runs and previews too. */
export function untracked<Texts extends Rendered>(texts: Texts): Texts {
  return eachText(texts, withoutMarks);
}

/** Tracking on a store. */
export function createTracking(tools: TrackingTools): Tracking {
  const { tracked, tokens, clock, signal, publicUrl } = tools;
  const address = {
    click: `${publicUrl}/c/`,
    open: `${publicUrl}/o/`,
    report: `${publicUrl}/r/`,
    unsubscribe: `${publicUrl}/u/`,
  };
  const isOurs = recogniser(publicUrl);
  const warn = onlyOnce(() => tools.log.info({ publicUrl }, ONLY_HERE_REMEDY));

  /** The texts with links to us, where those lead, and whether there are any. */
  function rewrite({ channel, tracking, texts }: Trackable, token: (what: number) => string) {
    const { html, body, url } = texts;
    const numbers = new Map<string, number>();
    const replace = (link: string): string | null => {
      if (isOurs(link)) return null;
      const number = numbers.get(link) ?? numbers.size;
      if (number >= LINKS_MAX) return null;
      numbers.set(link, number);
      return address.click + token(number);
    };
    const clicks = tracking?.clicks !== false && CLICKED_IN.has(channel) ? replace : () => null;
    const hasPixel = channel === 'email' && Boolean(html) && tracking?.opens !== false;
    const rewritten: Rendered = {
      ...untracked({ ...texts, body: null, html: null, url: null }),
      html: html && rewriteHtml(html, clicks, hasPixel ? pixelOf(address.open + token(OPEN)) : null),
      body: body && rewriteText(body, clicks),
      url: url && rewriteAddress(url, TAPPED.has(channel) ? clicks : () => null),
    };
    return { rewritten, urls: [...numbers.keys()], isTracked: hasPixel || numbers.size > 0 };
  }

  return {
    unsubscribeUrlOf: (id) => address.unsubscribe + tokens.of(id).token(UNSUBSCRIBE),
    track: async (message) => {
      const { accountId, messageId, userId, channel, tracking, isReported = false } = message;
      // Made for the first link: most short messages have none.
      let made: MessageTokens | null = null;
      const own = () => (made ??= tokens.of(messageId));
      const { rewritten, urls, isTracked } = rewrite(message, (what) => own().token(what));
      const hasHeaders = channel === 'email' && tracking?.unsubscribe !== false;
      const hasUnsubscribe = hasHeaders || says(rewritten, address.unsubscribe);
      const unsubscribeUrl = hasUnsubscribe ? address.unsubscribe + own().token(UNSUBSCRIBE) : null;
      if (isTracked || hasUnsubscribe || isReported) {
        if (ONLY_HERE.test(publicUrl)) warn();
        const row = { key: own().key, accountId, messageId, userId, channel, urls, at: clock.now() };
        await untilThere(() => tracked.keep(row), signal);
      }
      const report = isReported
        ? { url: address.report + own().token(REPORT), clicks: tracking?.clicks !== false }
        : null;
      return { ...rewritten, unsubscribeUrl, headers: hasHeaders ? headersOf(unsubscribeUrl!) : null, report };
    },
  };
}

/** Tells links to us, which are left alone: a message may pass on what another one brought. */
function recogniser(publicUrl: string): (link: string) => boolean {
  const ours = `${URL.parse(publicUrl)?.href.replace(/\/+$/, '') ?? publicUrl}/`;
  return (link) => link.startsWith(ours) && /^[coru]\//.test(link.slice(ours.length));
}

/** RFC 2369 and RFC 8058: the reader's program shows a button of its own, and calls us when it is pressed. */
function headersOf(url: string): Record<string, string> {
  return { 'List-Unsubscribe': `<${url}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' };
}

function pixelOf(url: string): string {
  const source = url.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  return `<img src="${source}" width="1" height="1" alt="" style="border:0;width:1px;height:1px">`;
}

function says(texts: Rendered, words: string): boolean {
  const { body, html, subject, title, url, data, template } = texts;
  const all = [body, html, subject, title, url, ...Object.values(data ?? {}), ...(template?.variables ?? [])];
  return all.some((text) => text?.includes(words));
}

function eachText<Texts extends Rendered>(texts: Texts, change: (text: string) => string): Texts {
  const { data, template } = texts;
  const of = (text: string | null) => (text === null ? null : change(text));
  return {
    ...texts,
    from: of(texts.from),
    body: of(texts.body),
    html: of(texts.html),
    subject: of(texts.subject),
    replyTo: of(texts.replyTo),
    title: of(texts.title),
    image: of(texts.image),
    url: of(texts.url),
    data: data && Object.fromEntries(Object.entries(data).map(([name, text]) => [name, change(text)])),
    template: template && { ...template, variables: template.variables.map(change) },
  };
}

function onlyOnce(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
}
