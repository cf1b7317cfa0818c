/** Criteria widened by one condition, just so far that the lead's value gets in. */
import type { Change, Trial } from './changes.js';
import { contractOf } from './changes.js';
import { testOf } from './criteria.js';
import type { Condition, Criteria } from './document.js';
import { fieldOf, isMissing, numberOf } from './fields.js';
import type { Lead } from './lead.js';

export function* criteriaChanges(trial: Trial): Iterable<Change> {
  const { criteria } = contractOf(trial);
  const { lead, market } = trial.moment;
  if (!criteria) return;
  for (const { path, condition } of failingLeaves(criteria, 'criteria', lead, (one) => testOf(one, market.ground.regex)(lead))) {
    const wider = widened(condition, lead);
    if (!wider) continue;
    yield { kind: 'contract', id: trial.loser.contractId, path: `${path}.${wider.key}`, to: wider.value, words: wider.words };
  }
}

/** Conditions that fail and are not under a `not`, with their paths. */
function failingLeaves(
  criteria: Criteria, path: string, lead: Lead, holds: (one: Criteria) => boolean,
): { path: string; condition: Condition }[] {
  if (holds(criteria) || 'not' in criteria) return [];
  if ('all' in criteria) return criteria.all.flatMap((child, place) => failingLeaves(child, `${path}.all.${place}`, lead, holds));
  if ('any' in criteria) return criteria.any.flatMap((child, place) => failingLeaves(child, `${path}.any.${place}`, lead, holds));
  return [{ path, condition: criteria }];
}

function widened({ field, op, value }: Condition, lead: Lead): { key: string; value: unknown; words: string } | undefined {
  const own = fieldOf(lead, field);
  if (isMissing(own)) return undefined;
  const number = numberOf(own);
  const text = typeof own === 'string' ? own.trim() : own;
  switch (op) {
    case 'in': return { key: 'value', value: [...(value as unknown[]), text], words: `${field}: ${text} too` };
    case 'equals': return { key: 'value', value: text, words: `${field} ${String(value)} → ${text}` };
    case 'notIn': {
      const left = (value as unknown[]).filter((one) => String(one).trim().toLowerCase() !== String(text).toLowerCase());
      return { key: 'value', value: left, words: `${field}: ${text} allowed` };
    }
    case 'atLeast': case 'atMost': return { key: 'value', value: number, words: `${field} ${op} ${String(value)} → ${number}` };
    case 'lessThan': return { key: 'op', value: 'exists', words: `${field} without an upper bound` };
    case 'greaterThan': return { key: 'op', value: 'exists', words: `${field} without a lower bound` };
    case 'between': {
      const [low, high] = (value as unknown[]).map((bound) => numberOf(bound as number)) as [number, number];
      const to = [Math.min(low, number), Math.max(high, number)];
      return { key: 'value', value: to, words: `${field} between ${low} and ${high} → ${to[0]} and ${to[1]}` };
    }
    default: return undefined;
  }
}
