/** One field of a campaign, compiled into a function that checks a value and gives it its one spelling. */
import { RE2JS } from 're2js';
import type { FieldDocument, FieldType } from './campaign.js';
import { nearestName } from './nearest-name.js';
import { normalizeEmail } from './normalize-email.js';
import { normalizePhone } from './normalize-phone.js';

export type Value = string | number | boolean;
/** Tells a fault: a stable code, and a sentence that says how to mend it without repeating the value. */
export type Say = (code: string, message: string) => void;
/** Answers the normalised value; undefined where it said a fault. `country` is the lead's, for phone numbers and postal codes. */
export type ReadValue = (value: unknown, country: string, say: Say) => Value | undefined;

export interface CompiledField {
  readonly name: string;
  readonly type: FieldType;
  readonly required: boolean;
  readonly personal: boolean;
  readonly read: ReadValue;
}

/** Throws where the document asks for what cannot be (a pattern that is none, an enum without values). */
export function compileField(name: string, field: FieldDocument): CompiledField {
  const base = reader(name, field);
  const own = field.country;
  const read: ReadValue = own ? (value, _country, say) => base(value, own, say) : base;
  return { name, type: field.type, required: field.required, personal: field.personal ?? (field.type === 'email' || field.type === 'phone'), read };
}

function reader(name: string, field: FieldDocument): ReadValue {
  switch (field.type) {
    case 'string': return readString(field);
    case 'integer': return readNumber(field, true);
    case 'number': return readNumber(field, false);
    case 'boolean': return readBoolean;
    case 'date': return readDate(field);
    case 'email': return (value, _country, say) => fromText(value, normalizeEmail, say, 'email', 'Expected an e-mail address such as name@example.com.');
    case 'phone': return (value, country, say) =>
      fromText(value, (text) => normalizePhone(text, country), say, 'phone', `Expected a phone number of ${country}, or one in the form +12025550123.`);
    case 'postalCode': return (value, country, say) => fromText(value, (text) => normalizePostalCode(text, country), say, 'postal_code',
      country === 'US' ? 'Expected a ZIP code of five digits, as text so that leading zeros stay.' : `Expected a postal code of ${country}.`);
    case 'enum': return readEnum(name, field.values ?? []);
  }
}

function fromText(
  value: unknown, normalize: (text: string) => string | undefined, say: Say, code: string, message: string,
): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  const result = typeof text === 'string' ? normalize(text) : undefined;
  if (result === undefined) say(code, message);
  return result;
}

function readString(field: FieldDocument): ReadValue {
  const { minLength = 0, maxLength = 4096 } = field;
  const pattern = field.pattern === undefined ? undefined : RE2JS.compile(field.pattern);
  return (value, _country, say) => {
    if (typeof value !== 'string') return void say('type', 'Expected text.');
    const text = value.trim().normalize('NFC');
    if (text.length < minLength) return void say('min_length', `Expected at least ${minLength} characters.`);
    if (text.length > maxLength) return void say('max_length', `Expected at most ${maxLength} characters.`);
    if (pattern && !pattern.matcher(text).find()) return void say('pattern', `Expected text that matches ${field.pattern}.`);
    return text;
  };
}

const NUMERAL = /^[+-]?\d{1,15}(?:\.\d{1,15})?$/;

/** Numbers may come as text, since forms and CSV know nothing else. */
function readNumber(field: FieldDocument, whole: boolean): ReadValue {
  const low = field.min === undefined ? -Infinity : Number(field.min);
  const high = field.max === undefined ? Infinity : Number(field.max);
  const kind = whole ? 'a whole number' : 'a number';
  return (value, _country, say) => {
    const trimmed = typeof value === 'string' ? value.trim() : value;
    const number = typeof trimmed === 'string' && NUMERAL.test(trimmed) ? Number(trimmed) : trimmed;
    if (typeof number !== 'number' || (whole && !Number.isSafeInteger(number))) return void say('type', `Expected ${kind}.`);
    if (number < low) return void say('min', `Expected ${kind} of at least ${low}.`);
    if (number > high) return void say('max', `Expected ${kind} of at most ${high}.`);
    return number;
  };
}

const BOOLEANS = new Map([['true', true], ['yes', true], ['y', true], ['1', true], ['false', false], ['no', false], ['n', false], ['0', false]]);

const readBoolean: ReadValue = (value, _country, say) => {
  if (typeof value === 'boolean') return value;
  const read = typeof value === 'string' || typeof value === 'number' ? BOOLEANS.get(String(value).trim().toLowerCase()) : undefined;
  if (read === undefined) say('type', 'Expected true or false.');
  return read;
};

const ISO_DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const US_DATE = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/;

function readDate(field: FieldDocument): ReadValue {
  const low = field.min === undefined ? '' : String(field.min);
  const high = field.max === undefined ? '9999' : String(field.max);
  return (value, country, say) => {
    const date = typeof value === 'string' ? isoDate(value.trim(), country) : undefined;
    if (date === undefined) return void say('date', 'Expected a date such as 1980-12-31.');
    if (date < low) return void say('min', `Expected a date not before ${low}.`);
    if (date > high) return void say('max', `Expected a date not after ${high}.`);
    return date;
  };
}

function isoDate(text: string, country: string): string | undefined {
  const iso = ISO_DATE.exec(text);
  const american = !iso && country === 'US' ? US_DATE.exec(text) : null;
  const parts = iso ? [iso[1], iso[2], iso[3]] : american ? [american[3], american[1], american[2]] : undefined;
  if (!parts) return undefined;
  const [year, month, day] = parts.map(Number) as [number, number, number];
  const instant = Date.UTC(year, month - 1, day);
  if (month < 1 || month > 12 || new Date(instant).getUTCDate() !== day) return undefined;
  return `${parts[0]}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}

function normalizePostalCode(given: string, country: string): string | undefined {
  const text = given.trim().toUpperCase();
  if (country === 'US') {
    const match = /^(\d{5})(?:[ -]?(\d{4}))?$/.exec(text);
    return match ? (match[2] ? `${match[1]}-${match[2]}` : match[1]) : undefined;
  }
  const compact = text.replace(/\s+/g, ' ');
  return /^[A-Z0-9][A-Z0-9 -]{0,8}[A-Z0-9]$/.test(compact) ? compact : undefined;
}

function readEnum(name: string, values: readonly string[]): ReadValue {
  if (values.length === 0) throw new Error(`field ${name}: an enum needs values`);
  const spelling = new Map(values.map((value) => [value.trim().toLowerCase(), value]));
  const all = values.length <= 12 ? values.join(', ') : `${values.slice(0, 12).join(', ')} … (${values.length} values)`;
  return (value, _country, say) => {
    const text = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value).trim().toLowerCase() : undefined;
    const known = text === undefined ? undefined : spelling.get(text);
    if (known !== undefined) return known;
    const near = text === undefined ? undefined : nearestName(text, values);
    return void say('enum', `Expected one of: ${all}.${near ? ` Did you mean "${near}"?` : ''}`);
  };
}
