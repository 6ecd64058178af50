/** Feedback reports (ARF, RFC 5965): what mailbox providers tell when their users press "spam". */
import type { SuppressionReason } from '#domain/suppression.ts';
import type { Fields } from './bounce-report.ts';

/**
 * Of the registered types (IANA, "Messaging Abuse Reporting Format"), those that speak for the recipient. `auth-failure`,
 * `virus` and `other` speak of the mail, `not-spam` takes a complaint back: that is for an operator to decide.
 */
const SUPPRESSION_OF: Record<string, SuppressionReason> = {
  abuse: 'complaint',
  fraud: 'complaint',
  'opt-out': 'unsubscribed',
};

/** Why the recipient must not be written to any more; null: the report does not say so. */
export function complaintOf([fields]: Fields[]): SuppressionReason | null {
  return SUPPRESSION_OF[fields?.get('feedback-type')?.toLowerCase() ?? ''] ?? null;
}
