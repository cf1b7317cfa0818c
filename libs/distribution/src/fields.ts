/** What a condition can ask of a lead: its campaign's fields and the static ones ($source …), and how values compare. */
import { placeOf, type Place } from '@sluice/kernel';
import type { Lead } from './lead.js';

export type FieldValue = string | number | boolean | null | undefined;

/** Value of a field by name; `$…` are the static ones. undefined where the lead has none. */
export function fieldOf(lead: Lead, name: string): FieldValue {
  if (name.charCodeAt(0) !== 36) return lead.attributes[name];
  switch (name) {
    case '$source': return lead.sourceId;
    case '$campaign': return lead.campaignId;
    case '$channel': return lead.channel;
    case '$country': return lead.country;
    case '$receivedAt': return lead.receivedAt;
    case '$score': return lead.score;
    case '$duplicate': return lead.duplicate ?? false;
    default: return undefined;
  }
}

/** A field without a value: absent, null or blank text. */
export function isMissing(value: FieldValue): value is null | undefined {
  return value === undefined || value === null || (typeof value === 'string' && (value.length === 0 || value.trim().length === 0));
}

/** What a value is compared by: text without regard to case and surrounding space; numbers and booleans as they are written. */
export function keyOf(value: string | number | boolean): string {
  return typeof value === 'string' ? value.trim().toLowerCase() : String(value);
}

/** A number, or text that is one; NaN otherwise. */
export function numberOf(value: FieldValue): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim().length === 0) return NaN;
  return Number(value);
}

/** An instant: ISO text or epoch milliseconds; NaN otherwise. */
export function instantOf(value: FieldValue): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? Date.parse(value.trim()) : NaN;
}

/** Where the lead is, by its own coordinates. */
export function placeOfLead(lead: Lead): Place | undefined {
  return lead.lat !== undefined && lead.lon !== undefined ? { lat: lead.lat, lon: lead.lon } : undefined;
}

/** The place a field names: a postal code, else the lead's own coordinates. */
export function placeOfField(lead: Lead, value: FieldValue): Place | undefined {
  const named = isMissing(value) || typeof value === 'boolean' ? undefined : placeOf(String(value), lead.country ?? 'US');
  return named ?? placeOfLead(lead);
}
