/** Every type of provider that can be configured. A new vendor is a file of its own and a line here. */
import type { ProviderType } from '#ports/provider.ts';
import { apnsProvider } from './apns.ts';
import { fcmProvider } from './fcm.ts';
import { httpProvider } from './http.ts';
import { sandboxProvider } from './sandbox.ts';
import { sendgridProvider } from './sendgrid.ts';
import { sesProvider } from './ses.ts';
import { smppProvider } from './smpp.ts';
import { smtpProvider } from './smtp.ts';
import { twilioProvider } from './twilio.ts';
import { vonageProvider } from './vonage.ts';
import { webengageGatewayProvider } from './webengage-gateway.ts';
import { webPushProvider } from './web-push.ts';
import { whatsappCloudProvider } from './whatsapp-cloud.ts';

/** The types, by what a manifest calls them. */
export const PROVIDER_TYPES: readonly ProviderType[] = [
  sandboxProvider,
  httpProvider,
  smppProvider,
  smtpProvider,
  sesProvider,
  sendgridProvider,
  twilioProvider,
  vonageProvider,
  whatsappCloudProvider,
  webengageGatewayProvider,
  fcmProvider,
  apnsProvider,
  webPushProvider,
];

/** A word that is in no catalogue. */
export class UnknownProviderType extends Error {
  override name = 'UnknownProviderType';
}

/** @throws {UnknownProviderType} naming the known words. */
export function providerType(word: string): ProviderType {
  const found = PROVIDER_TYPES.find(({ type }) => type === word);
  if (found) return found;
  throw new UnknownProviderType(
    `type "${word}" is not known; use one of ${PROVIDER_TYPES.map(({ type }) => type).join(', ')}`,
  );
}
