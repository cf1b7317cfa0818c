/** A scenario's lead as intake would hand it on: placed, what is derived of fields added, its person known by keys and nothing else. */
import { placeOf, stateOfPostalCode, type Place } from '@sluice/kernel';
import type { Campaign } from './document.js';
import type { Lead } from './lead.js';
import type { ScenarioLead } from './scenario.js';

export function leadOf(given: ScenarioLead, now: number, campaign: Campaign | undefined): Lead {
  const attributes: Record<string, string | number | boolean | null> = { ...given.fields };
  const country = given.country ?? campaign?.country;
  for (const [name, field] of Object.entries(campaign?.fields ?? {})) {
    const value = attributes[name];
    if (typeof value !== 'string' && typeof value !== 'number') continue;
    if (field.type === 'postalCode') {
      // A number has lost the zeros before it: 2134 was 02134.
      const code = typeof value === 'number' && (country ?? 'US') === 'US' ? String(value).padStart(5, '0') : String(value);
      Object.assign(attributes, { [name]: code }, ofPostalCode(name, code, country));
    }
    if (field.type === 'date') Object.assign(attributes, { [`${name}.age`]: yearsBetween(String(value), now) });
  }
  const [phone, email] = [given.phone ?? firstOf('phone', attributes, campaign), given.email ?? firstOf('email', attributes, campaign)];
  const place = placeIn(given, attributes, country, campaign);
  for (const [name, { type, personal }] of Object.entries(campaign?.fields ?? {})) {
    if (personal ?? (type === 'phone' || type === 'email')) delete attributes[name];
  }
  return {
    leadId: given.id, tenantId: 'simulation', campaignId: given.campaign ?? '', sourceId: given.source, channel: given.channel,
    country, attributes, ...place, receivedAt: given.receivedAt === undefined ? now : Date.parse(given.receivedAt),
    score: given.score, duplicate: given.duplicate, list: given.list, consent: given.consent,
    phoneHash: phoneKey(phone), emailHash: email?.trim().toLowerCase(),
  };
}

/** By its own coordinates, else by the campaign's `geo`, which is its first postal code unless set. */
function placeIn(
  { lat, lon }: ScenarioLead, attributes: Lead['attributes'], country: string | undefined, campaign: Campaign | undefined,
): Place | undefined {
  if (lat !== undefined && lon !== undefined) return { lat, lon };
  const code = Object.entries(campaign?.fields ?? {}).find(([, { type }]) => type === 'postalCode')?.[0];
  const geo = campaign?.geo ?? code ?? BY_COORDINATES;
  if (geo !== BY_COORDINATES) return placeOf(String(attributes[geo] ?? ''), country ?? 'US');
  const own = { lat: attributes['lat'], lon: attributes['lon'] };
  return typeof own.lat === 'number' && typeof own.lon === 'number' ? { lat: own.lat, lon: own.lon } : undefined;
}

/** The `geo` of a campaign whose leads carry lat and lon as fields. */
const BY_COORDINATES = 'lat/lon';

/** The value of the campaign's first field of a type that the lead has: by it a person is known again. */
function firstOf(type: 'phone' | 'email', attributes: Lead['attributes'], campaign: Campaign | undefined): string | undefined {
  for (const [name, field] of Object.entries(campaign?.fields ?? {})) {
    const value = attributes[name];
    if (field.type === type && (typeof value === 'string' || typeof value === 'number')) return String(value);
  }
  return undefined;
}

/** A number by its digits, however it is written, with or without the 1 of North America. */
function phoneKey(phone: string | undefined): string | undefined {
  const digits = phone?.replace(/\D/g, '') ?? '';
  return digits === '' ? phone : digits.replace(/^1(?=\d{10}$)/, '');
}

function ofPostalCode(name: string, code: string, country: string | undefined): Record<string, string | null> {
  return { [`${name}.state`]: stateOfPostalCode(code, country ?? 'US') ?? null, [`${name}.prefix`]: code.trim().slice(0, 3) };
}

/** Whole years from a date to an instant; null where it is no date. */
function yearsBetween(date: string, now: number): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})/.exec(date);
  if (!match) return null;
  const today = isoOf(now);
  const years = Number(today.slice(0, 4)) - Number(match[1]);
  return today.slice(5) >= `${match[2]}-${match[3]}` ? years : years - 1;
}

function isoOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}
