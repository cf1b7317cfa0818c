/**
 * A tree of criteria → alternatives (a disjunction of conjunctions), at most one atom per field and kind in each, as the index wants it.
 * And the tree again, walked for a person: which condition failed, and with what value.
 */
import { intersect, negate, type Atom } from './atoms.js';
import { atomOf, describe, holds } from './conditions.js';
import type { Condition, Criteria } from './document.js';
import { fieldOf } from './fields.js';
import type { Lead } from './lead.js';
import type { RegexEngine } from './market.js';

export type Conjunction = readonly Atom[];

/** Beyond this many alternatives a tree is kept as one test: a product of many `any` would fill the index with copies of one contract. */
const ALTERNATIVES_MAX = 32;

/** Throws RangeError for a condition that makes no sense. No criteria: one empty alternative, which lets everything in. */
export function alternatives(criteria: Criteria | undefined, regex?: RegexEngine): Conjunction[] {
  if (criteria === undefined) return [[]];
  const spread = spreadOut(criteria, false, regex);
  if (spread) return spread;
  const test = testOf(criteria, regex);
  return [[{ kind: 'test', field: '', test: (_value, lead) => test(lead) }]];
}

/** The tree as one function; for what has no index. */
export function testOf(criteria: Criteria | undefined, regex?: RegexEngine): (lead: Lead) => boolean {
  if (criteria === undefined) return () => true;
  if ('all' in criteria) {
    const tests = criteria.all.map((child) => testOf(child, regex));
    return (lead) => tests.every((test) => test(lead));
  }
  if ('any' in criteria) {
    const tests = criteria.any.map((child) => testOf(child, regex));
    return (lead) => tests.some((test) => test(lead));
  }
  if ('not' in criteria) {
    const test = testOf(criteria.not, regex);
    return (lead) => !test(lead);
  }
  const atom = atomOf(criteria, regex);
  return (lead) => holds(atom, fieldOf(lead, atom.field), lead);
}

/** First condition that fails, with the lead's value: `state in [NY, NJ], got "TX"`; null where the lead passes. */
export function failingCondition(criteria: Criteria | undefined, lead: Lead, regex?: RegexEngine): string | null {
  if (criteria === undefined) return null;
  if ('all' in criteria) {
    for (const child of criteria.all) {
      const failing = failingCondition(child, lead, regex);
      if (failing !== null) return failing;
    }
    return null;
  }
  if ('any' in criteria) {
    const failing = criteria.any.map((child) => failingCondition(child, lead, regex));
    return failing.includes(null) ? null : `none of: ${failing.join('; ')}`;
  }
  if ('not' in criteria) return failingCondition(criteria.not, lead, regex) === null ? `not (${words(criteria.not)})` : null;
  const atom = atomOf(criteria, regex);
  const value = fieldOf(lead, atom.field);
  return holds(atom, value, lead) ? null : `${describe(criteria)}, got ${value === undefined ? 'nothing' : JSON.stringify(value)}`;
}

function words(criteria: Criteria): string {
  if ('all' in criteria) return criteria.all.map(words).join(' and ');
  if ('any' in criteria) return criteria.any.map(words).join(' or ');
  return 'not' in criteria ? `not (${words(criteria.not)})` : describe(criteria);
}

/** Every condition in the tree. */
export function conditionsOf(criteria: Criteria | undefined): Condition[] {
  if (criteria === undefined) return [];
  if ('all' in criteria) return criteria.all.flatMap(conditionsOf);
  if ('any' in criteria) return criteria.any.flatMap(conditionsOf);
  return 'not' in criteria ? conditionsOf(criteria.not) : [criteria];
}

function spreadOut(criteria: Criteria, negated: boolean, regex?: RegexEngine): Conjunction[] | undefined {
  if ('not' in criteria) return spreadOut(criteria.not, !negated, regex);
  if ('all' in criteria || 'any' in criteria) {
    const plain = 'all' in criteria && !negated ? conjunctionOf(criteria.all, regex) : undefined;
    if (plain) return [plain];
    const children = 'all' in criteria ? criteria.all : criteria.any;
    const parts: Conjunction[][] = [];
    for (const child of children) {
      const part = spreadOut(child, negated, regex);
      if (!part) return undefined;
      parts.push(part);
    }
    const spread = 'all' in criteria !== negated ? product(parts) : parts.flat();
    return spread.length <= ALTERNATIVES_MAX ? spread : undefined;
  }
  const atom = atomOf(criteria, regex);
  return [[negated ? negate(atom) : atom]];
}

/** Conditions on as many fields, all to hold, as most contracts have them: nothing to multiply out. Undefined where it is more. */
function conjunctionOf(children: readonly Criteria[], regex?: RegexEngine): Conjunction | undefined {
  const atoms: Atom[] = [];
  for (const child of children) {
    if ('all' in child || 'any' in child || 'not' in child) return undefined;
    for (const { field } of atoms) if (field === child.field) return undefined;
    atoms.push(atomOf(child, regex));
  }
  return atoms;
}

function product(parts: readonly Conjunction[][]): Conjunction[] {
  let spread: Conjunction[] = [[]];
  for (const part of parts) {
    spread = spread.flatMap((left) => part.map((right) => right.reduce(together, left)));
    if (spread.length > ALTERNATIVES_MAX) return spread;
  }
  return spread;
}

function together(conjunction: Conjunction, atom: Atom): Conjunction {
  for (let place = 0; place < conjunction.length; place++) {
    const both = intersect(conjunction[place] as Atom, atom);
    if (both) return conjunction.with(place, both);
  }
  return [...conjunction, atom];
}
