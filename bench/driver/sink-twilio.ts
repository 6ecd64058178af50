/** The vendor of the bench as Twilio: takes a form, answers with a message, and reports in a form that it signs. */
import { createHmac } from 'node:crypto';
import { formRequest } from './connection.ts';

/** The provider, without its address. */
export const TWILIO = {
  id: 'twilio',
  channel: 'sms',
  type: 'twilio',
  receipts: 'callback',
  accountSid: `AC${'0'.repeat(32)}`,
  authToken: 'sink',
  from: '+15017122661',
};

/** Where the calls go that are for this vendor. */
export const TWILIO_PATH = '/2010-04-01/';

/** A message in its words: known by the number it goes to, which no other has. */
export interface TwilioMessage {
  to: string;
  callback: string;
  sid: string;
}

/** Reads calls. */
export function twilioReader(): (body: string) => TwilioMessage {
  let taken = 0;
  return (body) => {
    const form = new URLSearchParams(body);
    const sid = `SM${(++taken).toString(16).padStart(32, '0')}`;
    return { to: form.get('To')!, callback: form.get('StatusCallback')!, sid };
  };
}

/** The text of the request that reports it as delivered, to a path of the callback's server. */
export function deliveredReport({ to, callback, sid }: TwilioMessage): (path: string) => string {
  const fields = { AccountSid: TWILIO.accountSid, MessageSid: sid, MessageStatus: 'delivered', To: to };
  const signed = Object.entries(fields).reduce((text, [name, value]) => text + name + value, callback);
  const signature = createHmac('sha1', TWILIO.authToken).update(signed).digest('base64');
  return (path) => formRequest(path, { 'x-twilio-signature': signature }, new URLSearchParams(fields).toString());
}
