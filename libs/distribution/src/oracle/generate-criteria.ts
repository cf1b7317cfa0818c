/** Random criteria of every operator, over fields that are there or missing, in either case, as text or as numbers. */
import type { Criteria } from '../document.js';
import { PLACES, STATES, type Draw } from './draw.js';

const TEXT_OPERATORS = ['startsWith', 'endsWith', 'contains', 'notContains'] as const;
const NUMBER_OPERATORS = ['lessThan', 'atMost', 'greaterThan', 'atLeast', 'equals'] as const;
const PATTERNS = ['^n', 'y$', 'N[YJ]', '[^x]', '^$', '4|2'];

export function criteriaOf(draw: Draw, depth: number): Criteria {
  const { random } = draw;
  if (depth > 0 && random.chance(0.4)) {
    const parts = Array.from({ length: random.int(1, 3) }, () => criteriaOf(draw, depth - 1));
    return random.pick([{ all: parts }, { any: parts }, { not: parts[0] as Criteria }]);
  }
  return random.pick([ofText, ofNumber, ofNumber, ofStatic, ofDate, ofPlace, ofText, ofText])(draw);
}

function ofText({ random }: Draw): Criteria {
  const field = random.pick(['state', 'state', 'state', 'zip', 'zip.state', 'zip.prefix', 'age', 'solar']);
  return random.pick<() => Criteria>([
    () => ({ field, op: random.pick(['equals', 'notEquals'] as const), value: random.pick<string | boolean>([...STATES, ' ny ', '100', true]) }),
    () => ({ field, op: random.pick(['in', 'notIn'] as const), value: STATES.filter(() => random.chance(0.5)).concat('ny ', '606') }),
    () => ({ field, op: random.pick(['exists', 'missing'] as const) }),
    () => ({ field, op: random.pick(TEXT_OPERATORS), value: random.pick(['n', 'Y', '1', ' ny']) }),
    () => ({ field, op: 'matches', value: random.pick(PATTERNS) }),
  ])();
}

function ofNumber({ random }: Draw): Criteria {
  const field = random.pick(['age', 'age', 'age', '$score', 'born.age', 'state']);
  return random.pick<() => Criteria>([
    () => ({ field, op: random.pick(NUMBER_OPERATORS), value: random.pick<string | number>([random.int(20, 40), random.int(20, 60), '30']) }),
    () => ({ field, op: 'between', value: [random.int(20, 30), random.int(30, 60)] }),
    () => ({ field, op: random.pick(['in', 'notIn'] as const), value: [20, 21, 22, 23, '24', 25, 40] }),
  ])();
}

function ofStatic({ random }: Draw): Criteria {
  return random.pick<Criteria>([
    { field: '$campaign', op: 'equals', value: 'm0' }, { field: '$source', op: 'in', value: ['S1'] },
    { field: '$channel', op: random.pick(['notEquals', 'exists', 'startsWith'] as const), value: 'web' },
    { field: '$duplicate', op: 'equals', value: random.chance(0.5) }, { field: '$country', op: 'notIn', value: ['ca'] },
  ]);
}

function ofDate({ random, start }: Draw): Criteria {
  const at = new Date(start + random.int(-3, 60) * 3_600_000).toISOString();
  return random.pick<Criteria>([
    { field: '$receivedAt', op: random.pick(['before', 'after'] as const), value: at },
    { field: 'born', op: random.pick(['before', 'after'] as const), value: random.pick(['1990-05-17', '1980-01-01']) },
    { field: 'born', op: 'between', value: ['1980-01-01', random.pick(['1990-05-17', '2001-02-03'])] },
  ]);
}

function ofPlace({ random }: Draw): Criteria {
  const around = random.pick([random.pick(PLACES), { postalCode: '10001', country: 'US' }, { postalCode: '60601' }]);
  return { field: 'zip', op: 'withinKm', value: { ...around, km: random.pick([0, 20, 130, 1200]) } };
}
