/** Addresses of mail, checked before they come near a protocol line or a header: nothing in them can break out of its place. */
import { domainToASCII } from 'node:url';
import parseAddresses from 'nodemailer/lib/addressparser';

/** Characters of an address (RFC 5321 §4.5.3.1.3, less the angle brackets). */
const ADDRESS_LENGTH_MAX = 254;
const LOCAL_PART_LENGTH_MAX = 64;
/** Of the name beside it. */
const NAME_LENGTH_MAX = 200;
/** Dot-atoms (RFC 5322 §3.2.3), also with letters of any language (RFC 6531); no quoted strings: nobody has such an address. */
const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
// oxlint-disable-next-line no-control-regex -- because they are what is looked for
const CONTROL = /[\0-\x1f\x7f]/;

/** An address, and the name it is shown with. */
export interface NamedAddress {
  /** Empty for none. */
  name: string;
  /** With its domain in ASCII (RFC 5891). */
  address: string;
}

/** An address alone, its domain in ASCII; null when it is none. */
export function readAddress(text: string): string | null {
  const at = text.lastIndexOf('@');
  const localPart = text.slice(0, Math.max(at, 0));
  const domain = domainToASCII(text.slice(at + 1));
  if (localPart.length > LOCAL_PART_LENGTH_MAX || !LOCAL_PART.test(localPart)) return null;
  const address = `${localPart}@${domain}`;
  return DOMAIN.test(domain) && address.length <= ADDRESS_LENGTH_MAX ? address : null;
}

/** `Shop <shop@example.com>` or an address alone: exactly one, or null. */
export function readNamedAddress(text: string): NamedAddress | null {
  if (CONTROL.test(text) || text.length > ADDRESS_LENGTH_MAX + NAME_LENGTH_MAX) return null;
  const [only, ...others] = parseAddresses(text);
  if (!only?.address || others.length > 0) return null;
  const address = readAddress(only.address);
  return address === null ? null : { name: only.name.slice(0, NAME_LENGTH_MAX), address };
}

/** The domain of an address that has been read. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
