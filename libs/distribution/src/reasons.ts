/**
 * Why a contract did not get a lead. The order is the order of precedence: where one reason is asked for, it is the first that applies.
 * Gates come first, one bit each of a mask, so that all of them can be kept without a list.
 */

export const GATES = [
  'client_not_active', 'contract_not_open', 'automation_off', 'no_delivery_method', 'delivery_suspended', 'schedule_closed',
  'schedule_missing', 'criteria', 'out_of_range', 'no_geo', 'score_too_low', 'lead_too_old', 'consent', 'already_received',
  'duplicate_person', 'cap_hour', 'cap_day', 'cap_week', 'cap_month', 'cap_total', 'order_missing', 'order_exhausted', 'order_past_due',
  'credit_limit', 'percentage_limit', 'share_count', 'not_active', 'rejected_before', 'script', 'not_in_list',
] as const;
/** Of a contract that passed every gate, in their order of precedence. */
export const AFTER_GATES = [
  'not_in_rule', 'no_weight', 'held_back', 'sibling', 'rule_minimum', 'total_minimum', 'outranked', 'share_count', 'internal_error',
] as const;

export type Gate = (typeof GATES)[number];
export type ReasonCode = Gate | (typeof AFTER_GATES)[number];
/** Why a lead as a whole was not sold: a contract's reason, or that there was nothing to try. */
export type UnsoldReason = ReasonCode | 'no_workflow' | 'no_contracts';
