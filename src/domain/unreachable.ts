/** Ends a `switch` over a union: a new member becomes a type error here, and a bug (not data) at run time. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
