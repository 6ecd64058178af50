/** What sifting a body for the contents of files is made of. */

/** What is put in the place of a content is made here, and where the content goes. */
export interface Sifted {
  /** A part of the body that is no content. It may keep the bytes only until it returns. */
  rest(bytes: Buffer): void;
  /** A content begins here. */
  begin(): void;
  /** A part of its text. */
  add(text: string): void;
  end(): void;
}

/** Takes the contents of files out of a body that comes in piece by piece. What it does not understand is left in the rest. */
export interface Sifter {
  write(chunk: Buffer): void;
}

/** A text with its escapes replaced, and the beginning of one at its end that goes on in the next piece. */
export interface Unescaped {
  text: string;
  tail: string;
}
