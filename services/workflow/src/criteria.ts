/** The conditions of a contract, and the walk over their leaves. */
import type { Condition, Criteria, Operator } from '@sluice/distribution';
import { z } from 'zod';
import { place, says, show, word } from './leaf.js';

export const operators = [
  'equals', 'notEquals', 'in', 'notIn', 'contains', 'notContains', 'startsWith', 'endsWith', 'lessThan', 'atMost', 'greaterThan', 'atLeast',
  'between', 'exists', 'missing', 'matches', 'before', 'after', 'withinKm',
] as const satisfies readonly Operator[];

type Scalar = string | number | boolean;
const isScalar = (value: unknown): value is Scalar => typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
const isText = (value: unknown) => typeof value === 'string';
const isNumber = (value: unknown) => Number.isFinite(value);
const isList = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isScalar);
const isTime = (value: unknown) => typeof value === 'string' && !Number.isNaN(Date.parse(value));

/** What stands to the right of an operator. */
const wanted: Record<Operator, readonly [expected: string, test: (value: unknown) => boolean]> = {
  equals: ['one value', isScalar],
  notEquals: ['one value', isScalar],
  in: ['a list of values', isList],
  notIn: ['a list of values', isList],
  contains: ['one value', isScalar],
  notContains: ['one value', isScalar],
  startsWith: ['text', isText],
  endsWith: ['text', isText],
  lessThan: ['a number', isNumber],
  atMost: ['a number', isNumber],
  greaterThan: ['a number', isNumber],
  atLeast: ['a number', isNumber],
  between: ['[low, high]', isRange],
  exists: ['no value', isNothing],
  missing: ['no value', isNothing],
  matches: ['a regular expression as text', isText],
  before: ['a date or an instant', isTime],
  after: ['a date or an instant', isTime],
  withinKm: ['{ lat, lon, km } or { postalCode, country, km }', isCircle],
};

/** `value: true` says no more than the operator itself. */
function isNothing(value: unknown): boolean {
  return value === undefined || value === true;
}

function isRange(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [low, high] = value as unknown[];
  return (isNumber(low) && isNumber(high) && (low as number) <= (high as number)) || (isTime(low) && isTime(high));
}

function isCircle(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { km, ...rest } = value as Record<string, unknown>;
  return typeof km === 'number' && km > 0 && place.safeParse(rest).success;
}

const condition = z.strictObject({ field: z.string(says('the name of a field')).min(1), op: word(...operators), value: z.unknown().optional() })
  .superRefine(({ op, value }, context) => {
    const [expected, test] = wanted[op];
    if (!test(value)) context.addIssue({ code: 'custom', path: ['value'], message: `expected ${expected} for ${op}, got ${show(value)}` });
  });

const several = says('a list of conditions');

/** all, any, not, nested; a leaf is { field, op, value }. */
export const criteria: z.ZodType<Criteria, Criteria> = z.lazy(() => z.union([
  z.strictObject({ all: z.array(criteria, several).min(1, several) }),
  z.strictObject({ any: z.array(criteria, several).min(1, several) }),
  z.strictObject({ not: criteria }),
  condition,
])).meta({ id: 'Criteria', description: 'Conditions: all, any or not, nested; a leaf is { field, op, value }.' });

type Path = readonly PropertyKey[];

/** Calls `visit` for each leaf with its path. */
export function eachCondition(node: Criteria, path: Path, visit: (leaf: Condition, path: Path) => void): void {
  if ('all' in node) node.all.forEach((child, place) => eachCondition(child, [...path, 'all', place], visit));
  else if ('any' in node) node.any.forEach((child, place) => eachCondition(child, [...path, 'any', place], visit));
  else if ('not' in node) eachCondition(node.not, [...path, 'not'], visit);
  else visit(node, path);
}
