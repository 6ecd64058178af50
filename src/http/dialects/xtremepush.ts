/** Xtremepush's envelope: what answers and errors look like. Vendor page: External API Responses Status/Error Codes. */
import type { Refusal } from '../refusal.ts';
import { sentence } from '../call-fields.ts';

/** Where the vendor's calls come in; what looks like one is answered in its words. */
export const XTREMEPUSH_URL = /^\/api\/external(?:[/?]|$)/;

/** The answer to a call that was taken. */
export function successAnswer(model: object): object {
  return { code: 200, success: true, model };
}

/** A refusal in the vendor's words; the status code is in the body too. */
export function refusalAnswer(refusal: Refusal): { body: object; type: string } {
  const { status, message, faults } = refusal;
  const errors = faults.length > 0 ? faults.map(sentence) : [message];
  return { body: { code: status, success: false, message, errors }, type: 'application/json; charset=utf-8' };
}
