/** Resolves when the work is done, but after so many ms at the latest: work that is not done by then goes on alone. */
export async function atMost(limitMs: number, work: Promise<unknown>): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limitMs);
  try {
    await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
