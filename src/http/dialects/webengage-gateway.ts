/**
 * The language in which WebEngage calls its service providers, for a WebEngage (or another Carom) that uses Carom as its gateway:
 * parses what it sends into ours, and says our answers and refusals in its status codes.
 * Vendor pages: self-service-platform-ssp, self-service-wsp, self-service-rsp, self-service-platform-esp.
 */
import { ID_LENGTH_MAX, NOTHING_MORE } from '#domain/request.ts';
import type { Json, JsonObject, TransactionRequest } from '#domain/request.ts';
import { Refusal } from '../refusal.ts';
import type { RefusalKind } from '../refusal.ts';

export const GATEWAY_CHANNELS = ['sms', 'whatsapp', 'rcs', 'email'] as const;
/** A channel of the protocol. */
export type GatewayChannel = (typeof GATEWAY_CHANNELS)[number];

/** The versions of the requests that are understood, the newest last. */
const VERSIONS: Record<GatewayChannel, string[]> = {
  sms: ['1.0', '2.0'],
  whatsapp: ['1.0'],
  rcs: ['1.0'],
  email: ['1.0', '2.0'],
};

/** What is wrong with a message, as far as the vendor has numbers for it. */
type Wrong =
  | 'number'
  | 'content'
  | 'format'
  | 'version'
  | 'template'
  | 'authentication'
  | 'authorization'
  | 'throttled';

const CODES: Record<GatewayChannel, Partial<Record<Wrong, number>>> = {
  sms: { number: 2003, content: 2002, version: 2010, authentication: 2011, authorization: 2005, throttled: 2015 },
  whatsapp: {
    number: 2003,
    content: 2002,
    format: 2019,
    version: 2010,
    template: 2021,
    authentication: 2011,
    authorization: 2005,
    throttled: 2015,
  },
  rcs: {
    number: 2021,
    content: 2020,
    format: 2017,
    version: 2010,
    template: 2023,
    authentication: 2005,
    authorization: 2005,
    throttled: 2015,
  },
  email: { number: 9018, version: 9022, authentication: 9003, authorization: 9024, throttled: 9001 },
};
/** For what has no number: the text says it. */
const OTHER_CODE = 9988;

/** Being away is told as being busy: only then the vendor comes again. */
const WRONG_BY_KIND: Partial<Record<RefusalKind, Wrong>> = {
  invalid: 'format',
  unauthorized: 'authentication',
  forbidden: 'authorization',
  rate_limited: 'throttled',
  unavailable: 'throttled',
};

/** A message that is refused for something that the vendor has a number for. */
class GatewayRefusal extends Refusal {
  readonly wrong: Wrong;

  constructor(wrong: Wrong, message: string) {
    super('invalid', message);
    this.wrong = wrong;
  }
}

/** What a gateway call asks for. */
export interface GatewayCall {
  /** Without campaigns; the address, or the template's name, says which. */
  request: Omit<TransactionRequest, 'campaignIds'>;
  /** Of the vendor's template; null: none. */
  templateName: string | null;
}

/** Reads a call's body. @throws {Refusal} invalid. */
export function gatewayCall(channel: GatewayChannel, body: unknown): GatewayCall {
  const call = mapOf(body as Json);
  const { version, metadata } = call;
  if (version !== undefined && !(typeof version === 'string' && VERSIONS[channel].includes(version)))
    throw new GatewayRefusal('version', 'Version not supported');
  const messageId = mapOf(metadata)['messageId'];
  if (typeof messageId !== 'string' || messageId === '' || messageId.length > ID_LENGTH_MAX)
    throw new GatewayRefusal('format', `metadata.messageId must be a text of 1 to ${ID_LENGTH_MAX} characters`);
  const { to, token, custom, templateName } = READERS[channel](call);
  const address = channel === 'email' ? to : `+${to}`;
  const request = {
    ...NOTHING_MORE,
    ...(channel === 'email' ? { email: address } : { phone: address }),
    mode: 'fallback_on_delivery_failure' as const,
    userId: textOf(custom['userId']) ?? address.slice(0, ID_LENGTH_MAX),
    txnId: messageId,
    // By this the notifications know in whose words to speak, and about whom (src/outbound/webengage-events.ts).
    reference: `webengage ${channel} ${to}`,
    token: { ...token, custom },
  };
  return { request, templateName };
}

/** What is read of a message. `token`: what templates see. */
interface Read {
  /** Digits, or an e-mail address. */
  to: string;
  token: JsonObject;
  custom: JsonObject;
  templateName: string | null;
}

const READERS: Record<GatewayChannel, (call: JsonObject) => Read> = {
  sms({ smsData, metadata }) {
    const { toNumber, fromNumber, body } = mapOf(smsData);
    const { custom, indiaDLT } = mapOf(metadata);
    if (textOf(body) === null) throw new GatewayRefusal('content', 'smsData.body is empty');
    const token = { body: body!, from: fromNumber ?? null, indiaDLT: indiaDLT ?? null };
    return { to: numberOf(toNumber, 'smsData.toNumber'), token, custom: mapOf(custom), templateName: null };
  },

  whatsapp({ whatsAppData }) {
    const { toNumber, fromNumber, templateData, customData } = mapOf(whatsAppData);
    const { templateName, templateVariables, language, message, mediaUrl, buttonUrlParam } = mapOf(templateData);
    const variables = Array.isArray(templateVariables) ? templateVariables : [];
    if (textOf(templateName) === null && textOf(message) === null)
      throw new GatewayRefusal('content', 'whatsAppData.templateData has neither a templateName nor a message');
    return {
      to: numberOf(toNumber, 'whatsAppData.toNumber'),
      token: {
        body: message ?? null,
        from: fromNumber ?? null,
        variables,
        language: language ?? null,
        image: mediaUrl ?? null,
        url: buttonUrlParam ?? null,
      },
      custom: mapOf(customData),
      templateName: textOf(templateName),
    };
  },

  rcs({ rcsData }) {
    const { toNumber, sender, templateData, customData } = mapOf(rcsData);
    const { templateName, parameters, language, templateDetails } = mapOf(templateData);
    const { title, text, mediaUrl } = mapOf(templateDetails);
    const token = {
      body: text ?? null,
      title: title ?? null,
      image: mediaUrl ?? null,
      from: sender ?? null,
      language: language ?? null,
      parameters: mapOf(parameters),
    };
    const to = numberOf(toNumber, 'rcsData.toNumber');
    return { to, token, custom: mapOf(customData), templateName: textOf(templateName) };
  },

  email({ email, metadata }) {
    const { from, fromName, replyTo, subject, text, html, recipients } = mapOf(email);
    const { to, cc, bcc } = mapOf(recipients);
    const [first, ...others] = [to ?? [], cc ?? [], bcc ?? []].flat();
    if (others.length > 0) throw new GatewayRefusal('format', 'email.recipients must be one alone, in "to"');
    const address = textOf(mapOf(first)['email']);
    if (address === null || !/^[^\s@]+@[^\s@]+$/.test(address))
      throw new GatewayRefusal('number', 'email.recipients.to must have one e-mail address');
    const [firstReplyTo] = [replyTo ?? []].flat();
    const sender = textOf(fromName) === null ? (from ?? null) : `${textOf(fromName)} <${textOf(from) ?? ''}>`;
    return {
      to: address,
      token: {
        from: sender,
        replyTo: firstReplyTo ?? null,
        subject: subject ?? null,
        body: text ?? null,
        html: html ?? null,
      },
      custom: mapOf(mapOf(metadata)['custom']),
      templateName: null,
    };
  },
};

function numberOf(value: Json | undefined, path: string): string {
  const digits = textOf(value)?.replace(/^\+/, '') ?? '';
  if (!/^[1-9]\d{6,14}$/.test(digits))
    throw new GatewayRefusal('number', `${path} must be a number with its country code`);
  return digits;
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

function mapOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

/** The refusal of a message for which there is no campaign. */
export function withoutCampaign(templateName: string | null): Refusal {
  return templateName === null
    ? new Refusal('invalid', 'no campaign is named; end the address with ?campaignIds=~…')
    : new GatewayRefusal('template', `no running campaign is named "${templateName}", and the address names none`);
}

/** The answer to a message that was taken. */
export function takenAnswer(channel: GatewayChannel): object {
  switch (channel) {
    case 'email':
      return { status: 'SUCCESS', statusCode: 1_000, message: 'NA' };
    case 'sms':
      return { status: 'sms_accepted' };
    case 'whatsapp':
    case 'rcs':
      return { status: `${channel}_accepted`, statusCode: 0 };
  }
}

/** A refusal in the words of a channel. */
export function gatewayRefusal(channel: GatewayChannel) {
  return (refusal: Refusal): { body: object; type: string } => {
    const wrong = refusal instanceof GatewayRefusal ? refusal.wrong : WRONG_BY_KIND[refusal.kind];
    const body = {
      status: channel === 'email' ? 'ERROR' : `${channel}_rejected`,
      statusCode: (wrong && CODES[channel][wrong]) ?? OTHER_CODE,
      message: refusal.message,
      ...(wrong === 'version' && { supportedVersion: VERSIONS[channel].at(-1) }),
    };
    return { body, type: 'application/json; charset=utf-8' };
  };
}
