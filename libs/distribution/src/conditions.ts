/** One condition of a criteria tree → an atom, and back into words. Faults are RangeErrors that say what was expected. */
import { distanceSteps, isPlace, placeOf } from '@sluice/kernel';
import { inIntervals, names, negate, type Atom, type Interval } from './atoms.js';
import type { Condition } from './document.js';
import { instantOf, isMissing, keyOf, numberOf, placeOfField, type FieldValue } from './fields.js';
import type { Lead } from './lead.js';
import type { RegexEngine } from './market.js';

const STEPS_PER_KM = 10;

export function atomOf(condition: Condition, regex?: RegexEngine): Atom {
  const { field, op, value } = condition;
  switch (op) {
    case 'equals': return setAtom(field, [scalar(condition)]);
    case 'notEquals': return negate(setAtom(field, [scalar(condition)]));
    case 'in': return setAtom(field, scalars(condition));
    case 'notIn': return negate(setAtom(field, scalars(condition)));
    case 'exists': return { kind: 'set', field, values: [], complement: true, missing: false };
    case 'missing': return { kind: 'set', field, values: [], complement: false, missing: true };
    case 'lessThan': return numberAtom(condition, { low: -Infinity, lowOpen: false, high: amount(condition), highOpen: true });
    case 'atMost': return numberAtom(condition, { low: -Infinity, lowOpen: false, high: amount(condition), highOpen: false });
    case 'greaterThan': return numberAtom(condition, { low: amount(condition), lowOpen: true, high: Infinity, highOpen: false });
    case 'atLeast': return numberAtom(condition, { low: amount(condition), lowOpen: false, high: Infinity, highOpen: false });
    case 'between': return betweenAtom(condition);
    case 'before': return dateAtom(field, { low: -Infinity, lowOpen: false, high: instant(condition, value), highOpen: true });
    case 'after': return dateAtom(field, { low: instant(condition, value), lowOpen: true, high: Infinity, highOpen: false });
    case 'contains': return textAtom(condition, (text, part) => text.includes(part));
    case 'notContains': return negate(textAtom(condition, (text, part) => text.includes(part)));
    case 'startsWith': return textAtom(condition, (text, part) => text.startsWith(part));
    case 'endsWith': return textAtom(condition, (text, part) => text.endsWith(part));
    case 'matches': return matchesAtom(condition, regex);
    case 'withinKm': return withinAtom(condition);
    default: throw fault(condition, `an operator, got ${JSON.stringify(op)}`);
  }
}

/** The condition in words: `state in [NY, NJ]`. */
export function describe({ field, op, value }: Condition): string {
  if (op === 'exists' || op === 'missing') return `${field} ${op}`;
  const words = Array.isArray(value) ? `[${value.join(', ')}]` : typeof value === 'object' ? JSON.stringify(value) : String(value);
  return `${field} ${op} ${words}`;
}

/** Whether an atom lets the value in. The index must agree with it; it decides nothing where an index holds the atom. */
export function holds(atom: Atom, value: FieldValue, lead: Lead): boolean {
  if (atom.kind === 'test') return atom.test(value, lead);
  if (isMissing(value)) return atom.missing;
  if (atom.kind === 'set') return names(atom, keyOf(value)) !== atom.complement;
  const number = atom.kind === 'date' ? instantOf(value) : numberOf(value);
  return Number.isNaN(number) ? atom.other : inIntervals(atom.intervals, number);
}

function setAtom(field: string, values: (string | number | boolean)[]): Atom {
  return { kind: 'set', field, values: values.map(sharedKey), complement: false, missing: false };
}

/** As keyOf; contracts that name the same value share the text, which ten thousand of them name dozens of times. */
function sharedKey(value: string | number | boolean): string {
  if (typeof value !== 'string') return keyOf(value);
  let key = keys.get(value);
  if (key === undefined) {
    if (keys.size >= KEYS_MAX) keys.clear();
    keys.set(value, (key = keyOf(value)));
  }
  return key;
}
const keys = new Map<string, string>();
const KEYS_MAX = 32_768;

function numberAtom({ field }: Condition, interval: Interval): Atom {
  return { kind: 'number', field, intervals: [interval], other: false, missing: false };
}

function dateAtom(field: string, interval: Interval): Atom {
  return { kind: 'date', field, intervals: [interval], other: false, missing: false };
}

function betweenAtom(condition: Condition): Atom {
  const { value } = condition;
  if (!Array.isArray(value) || value.length !== 2) throw fault(condition, 'a list of two bounds');
  const [low, high] = value.map((bound) => numberOf(bound as FieldValue)) as [number, number];
  if (!Number.isNaN(low) && !Number.isNaN(high)) return numberAtom(condition, closed(low, high));
  return dateAtom(condition.field, closed(instant(condition, value[0]), instant(condition, value[1])));
}

function closed(low: number, high: number): Interval {
  return { low, lowOpen: false, high, highOpen: false };
}

function textAtom(condition: Condition, test: (text: string, part: string) => boolean): Atom {
  const part = keyOf(scalar(condition));
  return { kind: 'test', field: condition.field, test: (value) => !isMissing(value) && test(keyOf(value), part) };
}

function matchesAtom(condition: Condition, regex?: RegexEngine): Atom {
  if (!regex) throw fault(condition, 'no `matches`: no engine for patterns is at hand');
  if (typeof condition.value !== 'string') throw fault(condition, 'a pattern');
  const pattern = regex(condition.value);
  return { kind: 'test', field: condition.field, test: (value) => !isMissing(value) && pattern.test(String(value).trim()) };
}

function withinAtom(condition: Condition): Atom {
  const { lat, lon, postalCode, country, km } = (condition.value ?? {}) as Record<string, unknown>;
  const center = typeof postalCode === 'string' ? placeOf(postalCode, typeof country === 'string' ? country : 'US')
    : typeof lat === 'number' && typeof lon === 'number' && isPlace({ lat, lon }) ? { lat, lon } : undefined;
  if (!center || typeof km !== 'number'
    || km < 0) throw fault(condition, '{ lat, lon, km } or { postalCode, country, km } of a known place');
  const test = (value: FieldValue, lead: Lead) => {
    const place = placeOfField(lead, value);
    return place !== undefined && distanceSteps(center, place) <= km * STEPS_PER_KM;
  };
  return { kind: 'test', field: condition.field, test };
}

function scalar(condition: Condition): string | number | boolean {
  const { value } = condition;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw fault(condition, 'one value');
}

function scalars(condition: Condition): (string | number | boolean)[] {
  const { value } = condition;
  if (!Array.isArray(value) || value.some((one) => typeof one === 'object')) throw fault(condition, 'a list of values');
  return value as (string | number | boolean)[];
}

function amount(condition: Condition): number {
  const number = numberOf(condition.value as FieldValue);
  if (Number.isNaN(number)) throw fault(condition, 'a number');
  return number;
}

function instant(condition: Condition, value: unknown): number {
  const at = instantOf(value as FieldValue);
  if (Number.isNaN(at)) throw fault(condition, 'a date');
  return at;
}

function fault(condition: Condition, expected: string): RangeError {
  return new RangeError(`criteria: ${condition.field} ${condition.op}: expected ${expected}, got ${JSON.stringify(condition.value)}`);
}
