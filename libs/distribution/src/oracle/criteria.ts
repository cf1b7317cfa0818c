/** Whether a lead meets a criteria, by looking at it. Strings compare without regard to case and surrounding space. */
import { distanceSteps, placeOf, stateOfPostalCode, type Place } from '@sluice/kernel';
import type { Condition, ConfigDocument, Contract, Criteria, PlaceText } from '../document.js';
import type { ScenarioLead } from '../scenario.js';
import { clientOf } from './history.js';

type Value = string | number | boolean | null | undefined;

export function meets(criteria: Criteria, lead: ScenarioLead, place: Place | undefined): boolean {
  if ('all' in criteria) return criteria.all.every((each) => meets(each, lead, place));
  if ('any' in criteria) return criteria.any.some((each) => meets(each, lead, place));
  if ('not' in criteria) return !meets(criteria.not, lead, place);
  return holds(criteria, lead, place);
}

function holds({ field, op, value }: Condition, lead: ScenarioLead, place: Place | undefined): boolean {
  if (op === 'withinKm') {
    const { lat, lon, km } = value as { lat: number; lon: number; km: number };
    return place !== undefined && distanceSteps(place, { lat, lon }) <= km * 10;
  }
  const have = plain(valueOf(field, lead));
  const missing = have === undefined || have === null;
  if (op === 'missing') return missing;
  if (op === 'exists') return !missing;
  if (missing) return op === 'notEquals' || op === 'notIn' || op === 'notContains';
  const wanted = Array.isArray(value) ? value.map(plain) : plain(value as Value);
  const list = Array.isArray(wanted) ? wanted : [wanted];
  switch (op) {
    case 'equals': return have === wanted;
    case 'notEquals': return have !== wanted;
    case 'in': return list.includes(have);
    case 'notIn': return !list.includes(have);
    case 'contains': return String(have).includes(String(wanted));
    case 'notContains': return !String(have).includes(String(wanted));
    case 'startsWith': return String(have).startsWith(String(wanted));
    case 'endsWith': return String(have).endsWith(String(wanted));
    case 'lessThan': case 'before': return Number(have) < Number(wanted);
    case 'atMost': return Number(have) <= Number(wanted);
    case 'greaterThan': case 'after': return Number(have) > Number(wanted);
    case 'atLeast': return Number(have) >= Number(wanted);
    case 'between': return Number(have) >= Number(list[0]) && Number(have) <= Number(list[1]);
    case 'matches': throw new Error('not part of the comparison');
  }
}

function valueOf(field: string, lead: ScenarioLead): Value {
  if (field === '$campaign') return lead.campaign;
  if (field === '$source') return lead.source;
  if (field === '$channel') return lead.channel;
  if (field === '$country') return lead.country;
  if (field === '$score') return lead.score;
  if (field.endsWith('.state')) return stateOfPostalCode(String(lead.fields?.[field.slice(0, -'.state'.length)] ?? ''));
  return lead.fields?.[field];
}

function plain(value: Value): Value {
  return typeof value === 'string' ? value.trim().toLowerCase() : value;
}

/** Where a lead is: given in degrees, else by the campaign's field of the postal code. */
export function placeOfLead(document: ConfigDocument, lead: ScenarioLead): Place | undefined {
  if (lead.lat !== undefined && lead.lon !== undefined) return { lat: lead.lat, lon: lead.lon };
  const geo = document.campaigns?.find(({ id }) => id === lead.campaign)?.geo;
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
