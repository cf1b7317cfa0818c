/** The envelope of a lead: what stands beside the campaign's own fields. */
import type { Fault } from './fault.js';
import { nearestName } from './nearest-name.js';

export interface NewLead {
  readonly campaign?: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly lat?: number;
  readonly lon?: number;
  readonly list?: string;
  readonly channel?: string;
  readonly country?: string;
  readonly score?: number;
  /** The clients that the person agreed to; unset = not restricted. */
  readonly consent?: readonly string[];
}

type Reader = (value: unknown) => string | undefined;

const text = (max: number): Reader => (value) =>
  typeof value === 'string' && value.length > 0 && value.length <= max ? undefined : `Expected text of 1 to ${max} characters.`;
const between = (low: number, high: number): Reader => (value) =>
  typeof value === 'number' && value >= low && value <= high ? undefined : `Expected a number from ${low} to ${high}.`;

const READERS: Readonly<Record<string, Reader>> = {
  campaign: text(128),
  fields: (value) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : 'Expected an object with the fields of the campaign.'),
  lat: between(-90, 90),
  lon: between(-180, 180),
  list: text(128),
  channel: text(128),
  country: (value) => (typeof value === 'string' && /^[A-Za-z]{2}$/.test(value) ? undefined : 'Expected two letters (ISO 3166), such as US.'),
  score: between(-1e9, 1e9),
  consent: (value) => (Array.isArray(value) && value.length > 0 && value.every((id) => typeof id === 'string' && id.length <= 128)
    ? undefined : 'Expected a list of client ids; leave it out where consent is not restricted.'),
};

export const ENVELOPE_NAMES: readonly string[] = Object.keys(READERS);

/** Checks the envelope and says every fault at once. `fields` itself is the campaign's to check. */
export function readNewLead(body: unknown): { readonly lead: NewLead | undefined; readonly faults: readonly Fault[] } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { lead: undefined, faults: [{ pointer: '', code: 'type', message: 'Expected an object such as { "campaign": "…", "fields": { … } }.' }] };
  }
  const record = body as Record<string, unknown>;
  const faults: Fault[] = [];
  for (const name of Object.keys(record)) {
    const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (!reader) {
      const near = nearestName(name, ENVELOPE_NAMES);
      const hint = near ? `Did you mean "${near}"?` : 'Fields of the campaign belong into "fields".';
      faults.push({ pointer: `/${name.slice(0, 80).replaceAll('~', '~0').replaceAll('/', '~1')}`, code: 'unknown_key', message: `Not a key of a lead. ${hint}` });
      continue;
    }
    const trouble = reader(record[name]);
    if (trouble) faults.push({ pointer: `/${name}`, code: 'type', message: trouble });
  }
  if (record['fields'] === undefined) faults.push({ pointer: '/fields', code: 'required', message: 'Send the fields of the campaign as an object.' });
  if ((record['lat'] === undefined) !== (record['lon'] === undefined)) {
    faults.push({ pointer: record['lat'] === undefined ? '/lat' : '/lon', code: 'required', message: 'Send lat and lon together.' });
  }
  const usable = faults.every((fault) => fault.pointer !== '/fields');
  return { lead: usable ? (record as unknown as NewLead) : undefined, faults };
}
