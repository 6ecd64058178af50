/** Who an SMS may say that it is from (semantics §8). */

const NAME = /^[A-Za-z0-9 \-._&]{3,11}$/;
const NAME_HAS = /[A-Za-z0-9]/;
const PHONE = /^(?:\+\d{7,15}|\d{3,15})$/;

/**
 * True for what networks take as the sender of an SMS: a name of 3 to 11 letters and digits, among which blanks and `-._&` may
 * stand; or a phone number, international with `+` and 7 to 15 digits, or 3 to 15 digits (short codes have few). Letters are
 * those of ASCII: a sender name is written in them on the wire.
 */
export function isSmsSender(text: string): boolean {
  return (NAME.test(text) && NAME_HAS.test(text)) || PHONE.test(text);
}
