/** Addresses that are not written to any more (semantics §2: `suppressed`). */

export const SUPPRESSION_REASONS = ['hard_bounce', 'complaint', 'unsubscribed', 'manual'] as const;
/** Why an address is suppressed: it does not exist, its owner complained or unsubscribed, or an operator said so. */
export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number];
