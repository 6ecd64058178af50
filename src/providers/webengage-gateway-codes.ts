/**
 * Status codes of WebEngage's provider protocol, in answers to a send and in delivery notifications alike (docs.webengage.com,
 * "SMS/WhatsApp/RCS/Email Service Provider" and "Private SSP/WSP/RSP/ESP"). The numbers collide: each channel has its own table.
 */
import { codeTable } from './code-meaning.ts';
import type { CodeTable } from './code-meaning.ts';

/** The channels that the protocol knows. */
export type GatewayChannel = 'sms' | 'whatsapp' | 'rcs' | 'email';

/** The code of success. */
export const OK_CODES: Record<GatewayChannel, number> = { sms: 0, whatsapp: 0, rcs: 0, email: 1_000 };

const SMS = codeTable([
  [2000, 'no_credit', 'elsewhere'],
  [2001, 'unauthorized', 'elsewhere'],
  [2002, 'invalid_content', 'final'],
  [2003, 'invalid_number', 'final'],
  [2004, 'invalid_sender', 'elsewhere'],
  [2005, 'unauthorized', 'elsewhere'],
  [2006, 'do_not_disturb', 'final'],
  [2007, 'invalid_content', 'final'],
  [2008, 'expired', 'final'],
  [2009, 'not_delivered', 'final'],
  [2010, 'version_not_supported', 'elsewhere'],
  [2011, 'unauthorized', 'elsewhere'],
  [2015, 'throttled', 'throttled'],
  // India's scrubbing: what a sender, an entity and a template may is registered per provider.
  [2022, 'dlt_blocked', 'elsewhere'],
  [2023, 'provider_error', 'passing'],
  [2024, 'invalid_sender', 'elsewhere'],
  [2025, 'dlt_blocked', 'elsewhere'],
  [2026, 'invalid_template', 'elsewhere'],
  [2027, 'invalid_content', 'final'],
  [3000, 'blocked', 'final'],
  [9988, 'refused', 'final'],
]);

const WHATSAPP = codeTable([
  [2000, 'no_credit', 'elsewhere'],
  [2001, 'unauthorized', 'elsewhere'],
  [2002, 'invalid_content', 'final'],
  [2003, 'invalid_number', 'final'],
  [2004, 'invalid_sender', 'elsewhere'],
  [2005, 'unauthorized', 'elsewhere'],
  [2006, 'blocked', 'final'],
  [2007, 'invalid_content', 'final'],
  [2008, 'expired', 'final'],
  [2009, 'not_delivered', 'final'],
  [2010, 'version_not_supported', 'elsewhere'],
  [2011, 'unauthorized', 'elsewhere'],
  [2014, 'not_delivered', 'final'],
  [2015, 'throttled', 'throttled'],
  [2019, 'invalid_content', 'final'],
  [2021, 'invalid_template', 'elsewhere'],
  [2022, 'invalid_template', 'final'],
  [2023, 'invalid_template', 'final'],
  [2024, 'not_opted_in', 'final'],
  [2025, 'not_opted_in', 'final'],
  [2026, 'withheld', 'final'],
  [9988, 'refused', 'final'],
]);

/** Its page lists HTTP statuses that do not fit their codes: only the codes are believed. */
const RCS = codeTable([
  [1000, 'no_credit', 'elsewhere'],
  [1001, 'not_reachable', 'final'],
  [1002, 'invalid_sender', 'elsewhere'],
  [1003, 'invalid_template', 'elsewhere'],
  // 2000 and 2010 stand in the page's examples alone.
  [2000, 'no_credit', 'elsewhere'],
  [2005, 'unauthorized', 'elsewhere'],
  [2006, 'invalid_content', 'final'],
  [2007, 'expired', 'final'],
  [2008, 'not_delivered', 'final'],
  [2009, 'version_not_supported', 'elsewhere'],
  [2010, 'version_not_supported', 'elsewhere'],
  [2011, 'refused', 'final'],
  [2012, 'do_not_disturb', 'final'],
  [2013, 'not_delivered', 'final'],
  [2014, 'throttled', 'throttled'],
  [2015, 'throttled', 'throttled'],
  [2016, 'not_delivered', 'final'],
  [2017, 'invalid_content', 'final'],
  [2019, 'no_credit', 'elsewhere'],
  [2020, 'invalid_content', 'final'],
  [2021, 'invalid_number', 'final'],
  [2022, 'invalid_sender', 'elsewhere'],
  [2023, 'invalid_template', 'elsewhere'],
  [2024, 'invalid_template', 'final'],
  [2025, 'not_opted_in', 'final'],
  [9988, 'refused', 'final'],
]);

const EMAIL = codeTable([
  [9001, 'throttled', 'throttled'],
  [9002, 'no_credit', 'elsewhere'],
  [9003, 'unauthorized', 'elsewhere'],
  [9004, 'invalid_address', 'final'],
  [9005, 'invalid_sender', 'elsewhere'],
  [9006, 'soft_bounce', 'passing'],
  [9007, 'hard_bounce', 'final'],
  [9008, 'complaint', 'final'],
  [9009, 'unsubscribed', 'final'],
  [9010, 'suppressed', 'final'],
  [9011, 'invalid_sender', 'elsewhere'],
  [9012, 'refused', 'elsewhere'],
  [9013, 'expired', 'passing'],
  [9014, 'provider_error', 'passing'],
  [9015, 'unauthorized', 'elsewhere'],
  [9016, 'invalid_content', 'final'],
  [9017, 'invalid_sender', 'elsewhere'],
  [9018, 'invalid_address', 'final'],
  [9019, 'mailbox_full', 'passing'],
  [9020, 'provider_error', 'passing'],
  [9021, 'hard_bounce', 'final'],
  [9022, 'version_not_supported', 'elsewhere'],
  [9024, 'unauthorized', 'elsewhere'],
  [9452, 'provider_error', 'passing'],
  [9512, 'invalid_address', 'final'],
  [9988, 'refused', 'final'],
  [9999, 'refused', 'final'],
]);

/** What is not success, by channel. */
export const REFUSAL_CODES: Record<GatewayChannel, CodeTable> = {
  sms: SMS,
  whatsapp: WHATSAPP,
  rcs: RCS,
  email: EMAIL,
};
