/** Whether a lead meets a criteria, by looking at it. Strings compare without regard to case and surrounding space. */
import { distanceSteps, placeOf, stateOfPostalCode, type Place } from '@sluice/kernel';
import type { Condition, ConfigDocument, Contract, Criteria, PlaceText } from '../document.js';
import type { CaseLead } from './case.js';
import { clientOf } from './history.js';

type Value = string | number | boolean | null | undefined;

/** What a criteria is asked of: the lead, when it came, and where it is if its coordinates say so. */
export interface Subject { lead: CaseLead; receivedAt: number; place: Place | undefined }

export function meets(criteria: Criteria, subject: Subject): boolean {
  if ('all' in criteria) return criteria.all.every((each) => meets(each, subject));
  if ('any' in criteria) return criteria.any.some((each) => meets(each, subject));
  if ('not' in criteria) return !meets(criteria.not, subject);
  return holds(criteria, subject);
}

function holds({ field, op, value }: Condition, subject: Subject): boolean {
  const given = valueOf(field, subject);
  if (op === 'withinKm') return isWithin(value as Within, given, subject);
  const have = plain(given);
  const missing = have === undefined || have === null || have === '';
  if (op === 'missing') return missing;
  if (op === 'exists') return !missing;
  if (missing) return op === 'notEquals' || op === 'notIn' || op === 'notContains';
  if (op === 'matches') return new RegExp(String(value), 'i').test(String(given).trim());
  const list = (Array.isArray(value) ? value : [value]).map((each: Value) => String(plain(each)));
  const [wanted = ''] = list;
  const text = String(have);
  const number = numberOf(have);
  switch (op) {
    case 'equals': return text === wanted;
    case 'notEquals': return text !== wanted;
    case 'in': return list.includes(text);
    case 'notIn': return !list.includes(text);
    case 'contains': return text.includes(wanted);
    case 'notContains': return !text.includes(wanted);
    case 'startsWith': return text.startsWith(wanted);
    case 'endsWith': return text.endsWith(wanted);
    case 'lessThan': return number < Number(wanted);
    case 'atMost': return number <= Number(wanted);
    case 'greaterThan': return number > Number(wanted);
    case 'atLeast': return number >= Number(wanted);
    case 'before': return instantOf(have) < Date.parse(wanted);
    case 'after': return instantOf(have) > Date.parse(wanted);
    case 'between': {
      const numbers = list.every((bound) => !Number.isNaN(Number(bound)));
      const read = numbers ? { of: numberOf, bound: Number } : { of: instantOf, bound: Date.parse };
      return read.of(have) >= read.bound(list[0] ?? '') && read.of(have) <= read.bound(list[1] ?? '');
    }
  }
}

type Within = { lat?: number; lon?: number; postalCode?: string; country?: string; km: number };

/** Around the place of a postal code in the field, else around where the lead is. */
function isWithin({ lat, lon, postalCode, country, km }: Within, given: Value, { lead, place }: Subject): boolean {
  const centre = postalCode === undefined ? { lat: lat ?? 0, lon: lon ?? 0 } : placeOf(postalCode, country ?? 'US');
  const code = given === undefined || given === null ? '' : String(given);
  const here = (code.trim() === '' ? undefined : placeOf(code, lead.country ?? 'US')) ?? place;
  return centre !== undefined && here !== undefined && distanceSteps(here, centre) <= km * 10;
}

/** Truth is no number. */
function numberOf(value: Value): number {
  return typeof value === 'number' || typeof value === 'string' ? Number(value) : NaN;
}

function instantOf(value: Value): number {
  return typeof value === 'number' ? value : Date.parse(String(value));
}

function valueOf(field: string, { lead, receivedAt }: Subject): Value {
  switch (field) {
    case '$campaign': return lead.campaign;
    case '$source': return lead.source;
    case '$channel': return lead.channel;
    case '$country': return lead.country;
    case '$score': return lead.score;
    case '$receivedAt': return receivedAt;
    case '$duplicate': return lead.duplicate ?? false;
  }
  const [name = '', part] = field.split('.');
  const value = lead.fields?.[name];
  if (part === undefined) return value;
  // Without a campaign nobody says of which type a field is, so nothing is derived of it.
  if (value === undefined || value === null || lead.campaign === '') return undefined;
  if (part === 'state') return stateOfPostalCode(String(value), lead.country ?? 'US');
  if (part === 'prefix') return String(value).trim().slice(0, 3);
  const [, year, rest = ''] = /^(\d{4})-(\d{2}-\d{2})/.exec(String(value)) ?? [];
  const today = new Date(receivedAt).toISOString();
  return year === undefined ? undefined : Number(today.slice(0, 4)) - Number(year) - (today.slice(5, 10) < rest ? 1 : 0);
}

function plain(value: Value): Value {
  return typeof value === 'string' ? value.trim().toLowerCase() : value;
}

/** Where a lead is: given in degrees, else by the postal code in the field that its campaign names, or in its first of that type. */
export function placeOfLead(document: ConfigDocument, lead: CaseLead): Place | undefined {
  if (lead.lat !== undefined && lead.lon !== undefined) return { lat: lead.lat, lon: lead.lon };
  const campaign = document.campaigns?.find(({ id }) => id === lead.campaign);
  const geo = campaign?.geo ?? Object.keys(campaign?.fields ?? {}).find((name) => campaign?.fields?.[name]?.type === 'postalCode');
  const code = geo === undefined ? undefined : lead.fields?.[geo];
  return code === undefined || code === null ? undefined : placeOf(String(code), lead.country ?? 'US');
}

/** Nearest of the contract's locations (its client's address if it has none) in steps of 100 m; undefined where either place is unknown. */
export function distanceTo(document: ConfigDocument, contract: Contract, place: Place | undefined): number | undefined {
  const address = clientOf(document, contract).address;
  const texts: readonly PlaceText[] = contract.locations ?? (address ? [address] : []);
  const known = (text: PlaceText) => ('lat' in text ? text : placeOf(text.postalCode, text.country ?? 'US'));
  const places = texts.map(known).filter((each) => each !== undefined);
  return place === undefined || places.length === 0 ? undefined : Math.min(...places.map((each) => distanceSteps(each, place)));
}
