/** A scenario's lead as intake would hand it on: what is personal is compared by a key, and what is derived of fields is added. */
import { stateOfPostalCode } from '@sluice/kernel';
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
  return {
    leadId: given.id, tenantId: 'simulation', campaignId: given.campaign ?? '', sourceId: given.source, channel: given.channel,
    country,
    receivedAt: given.receivedAt === undefined ? now : Date.parse(given.receivedAt), attributes, lat: given.lat, lon: given.lon,
    score: given.score,
    duplicate: given.duplicate, list: given.list, consent: given.consent, phoneHash: given.phone, emailHash: given.email?.trim()
      .toLowerCase(),
  };
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
