/**
 * The smallest parts of the configuration document. Each says what it expects in the words of its users, so that a fault reads
 * `expected an integer ≥ 0, got "ten"` whatever was wrong with the value.
 */
import { compileSchedule, dayNumber, isKnownZone, parseDuration } from '@sluice/kernel';
import { z } from 'zod';

/** A value as a message shows it: text and numbers as they stand, anything larger by its kind. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…"` : text;
}

/** For zod: one sentence for all that can be wrong with a leaf. */
export function says(expected: string) {
  return { error: ({ input }: { input?: unknown }) => `expected ${expected}, got ${show(input)}` };
}

/** A text that passes `test`; a test that throws a RangeError lends its words. */
function checked(expected: string, test: (text: string) => boolean, meta: Record<string, unknown>) {
  return z.string(says(expected)).superRefine((text, context) => {
    try {
      if (!test(text)) context.addIssue({ code: 'custom', message: `expected ${expected}, got ${show(text)}` });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  }).meta(meta);
}

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/;

/** A stable slug, chosen by the user. */
export const id = z.string(says('an id of letters, digits, ".", "_" and "-"')).regex(idPattern, says('an id of letters, digits, ".", "_" and "-", at most 63'));
export const text = z.string(says('text')).min(1, says('text')).max(500, says('text of at most 500 characters'));
export const flag = z.boolean(says('true or false'));
export const word = <const T extends readonly string[]>(...words: T) => z.enum(words, says(`one of ${words.join(', ')}`));

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const expected = max === Number.MAX_SAFE_INTEGER
    ? (min === -Number.MAX_SAFE_INTEGER ? 'an integer' : `an integer ≥ ${min}`)
    : `an integer from ${min} to ${max}`;
  return z.int(says(expected)).min(min, says(expected)).max(max, says(expected));
}

export const anyInteger = integer(-Number.MAX_SAFE_INTEGER);

export function numberFrom(min: number, max: number) {
  const expected = `a number from ${min} to ${max}`;
  return z.number(says(expected)).min(min, says(expected)).max(max, says(expected));
}

export const positive = z.number(says('a number above 0')).gt(0, says('a number above 0'));
/** 0 says the same as nothing: it gets no share. */
export const weight = z.number(says('a number ≥ 0')).min(0, says('a number ≥ 0'));
export const percent = z.number(says('a percentage from 0 to 100')).min(0, says('a percentage from 0 to 100')).max(100, says('a percentage from 0 to 100'));

const amount = 'an amount such as 25.00';

/** An amount ≥ 0 as written. Whether the currency has that many decimals is checked with the whole document. */
export const money = z.union([
  z.number(says(amount)).min(0, says(`${amount}, not below 0`)),
  z.string(says(amount)).regex(/^\d+(\.\d+)?$/, says(amount)),
], says(amount));

export const zone = checked('a time zone such as America/New_York', isKnownZone, { examples: ['America/New_York'] });
export const duration = checked('a duration such as P3D or PT15M', (value) => parseDuration(value) > 0, { format: 'duration', examples: ['P3D', 'PT15M'] });
export const date = checked('a date such as 2026-03-01', (value) => Number.isInteger(dayNumber(value)), { format: 'date' });
export const instant = checked('an instant such as 2026-03-01T09:00:00Z', isInstant, { format: 'date-time' });
export const dateOrInstant = checked('a date or an instant such as 2026-03-01 or 2026-03-01T09:00:00Z',
  (value) => (value.length > 10 ? isInstant(value) : Number.isInteger(dayNumber(value))), { examples: ['2026-03-01', '2026-03-01T09:00:00Z'] });

function isInstant(value: string): boolean {
  return instantPattern.test(value) && Number.isInteger(dayNumber(value.slice(0, 10))) && !Number.isNaN(Date.parse(value));
}

export const timeframe = word('hour', 'day', 'week', 'month');
export const reset = word('never', 'daily', '7days');
export const method = word(
  'price', 'priority', 'roundRobin', 'weighted', 'percentage', 'distance', 'qualityScore', 'random', 'freeTrial', 'turnover', 'leadCount',
);

const limit = z.union([
  integer(0),
  z.strictObject({ count: integer(0).optional(), amount: money.optional() }),
]);

export const caps = z.strictObject({
  hour: limit.optional(), rolling60m: limit.optional(), day: limit.optional(), week: limit.optional(), month: limit.optional(),
  total: limit.optional(),
  timezone: zone.optional().describe("The zone in which the buckets turn over; the client's unless set."),
  weekStart: word('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun').optional(),
}).meta({ id: 'Caps', description: 'At most so many leads, or so much money, in each span.' });

export const percentageLimit = z.strictObject({ percent, lookBack: timeframe }).meta({ id: 'PercentageLimit' });

export const schedule = z.strictObject({
  timezone: zone.optional(),
  open: z.record(z.string(), z.array(z.string(says('an interval such as 09:00-17:00')), says('a list of intervals such as ["09:00-17:00"]'))),
  closed: z.array(date).optional().describe('Local dates on which it is closed.'),
}).superRefine((value, context) => {
  for (const [days, intervals] of Object.entries(value.open)) {
    try {
      compileSchedule({ timezone: 'UTC', open: { [days]: intervals } });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      context.addIssue({ code: 'custom', path: ['open', days], message: error.message });
    }
  }
}).meta({ id: 'Schedule', description: 'Opening hours: weekdays or spans of them (mon-fri) with half-open intervals of local time.' });

const latitude = numberFrom(-90, 90);
const longitude = numberFrom(-180, 180);
export const postalCode = z.string(says('a postal code as text, in quotes')).min(1, says('a postal code'));

export const place = z.union([
  z.strictObject({ lat: latitude, lon: longitude }),
  z.strictObject({ postalCode, country: z.string(says('a country code such as US')).regex(/^[A-Z]{2}$/, says('a country code such as US')).optional() }),
]).meta({ id: 'Place' });
