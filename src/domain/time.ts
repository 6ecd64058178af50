/** Milliseconds since 1970-01-01T00:00:00Z. The domain never reads a clock: an instant is always an argument. */
export type Instant = number;

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Parses a duration of the manifest: `500ms`, `60s`, `10m`, `2h`, `3d`.
 * @returns milliseconds, or null when the text is no such duration.
 */
export function parseDurationMs(text: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text.trim());
  if (!match) return null;
  return Number(match[1]) * UNIT_MS[match[2]!]!;
}

/** The shortest exact writing of a duration, the inverse of {@link parseDurationMs}. */
export function formatDuration(durationMs: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = UNIT_MS[unit]!;
    if (durationMs >= size && durationMs % size === 0) return `${durationMs / size}${unit}`;
  }
  return `${durationMs}ms`;
}

const ISO_WITH_OFFSET = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/;

/**
 * An ISO-8601 date and time with an offset (semantics §11): `2026-05-21T10:00:00+05:30`, `…Z`, and the vendors' `+0530`.
 * @returns the instant, or null when the text has another form or names no real time.
 */
export function parseInstant(text: string): Instant | null {
  if (!ISO_WITH_OFFSET.test(text) || !isCalendarDate(text.slice(0, 10))) return null;
  const instant = Date.parse(text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
  return Number.isNaN(instant) ? null : instant;
}

/** True for a real calendar day written `YYYY-MM-DD` (semantics §7, birthDate). */
export function isCalendarDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const instant = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(instant) && isoTime(instant).startsWith(text);
}

/** The instant as the API writes it: `2026-05-21T10:00:00.000Z`. */
export function isoTime(instant: Instant): string {
  return new Date(instant).toISOString();
}
