/**
 * A campaign compiled for intake: checks a lead against its fields, says every fault at once, and parts what is personal from what
 * routing may see.
 */
import type { Place } from '@sluice/kernel';
import { CampaignDocument, duplicatePolicy, type DuplicatePolicy } from './campaign.js';
import { compileField, type CompiledField, type Value } from './compile-field.js';
import { deriveAge, derivePostalCode, placeOfCode, roundPlace } from './derive-attributes.js';
import type { Fault } from './fault.js';
import { nearestName } from './nearest-name.js';
import type { NewLead } from './new-lead.js';
import { mailboxOf } from './normalize-email.js';
import { escapePointer } from './strict-json.js';

export interface TenantDefaults {
  readonly country: string;
  readonly timezone: string;
}

/** A lead that holds against its campaign. */
export interface CheckedLead {
  /** What the engine routes on and the log may hold. */
  readonly attributes: Readonly<Record<string, Value>>;
  /** What goes to the vault; undefined where nothing is personal. */
  readonly personal: Readonly<Record<string, unknown>> | undefined;
  readonly place: Place | undefined;
  readonly country: string;
  readonly list: string | undefined;
  /** E.164, and the mailbox without its spellings: they become keyed hashes and go no further. */
  readonly phone: string | undefined;
  readonly mailbox: string | undefined;
}

export type LeadCheck =
  | { readonly faults: readonly Fault[]; readonly lead?: undefined }
  | { readonly faults?: undefined; readonly lead: CheckedLead };

export interface CompiledCampaign {
  readonly id: string;
  readonly duplicates: DuplicatePolicy;
  /** `now`: the instant the lead came in, for ages. */
  check(lead: NewLead, now: number): LeadCheck;
}

/** The geo of a campaign whose leads carry lat and lon themselves. */
const BY_COORDINATES = 'lat/lon';

/** Compiles the body of a campaign as the configuration holds it. Throws where it cannot mean anything. */
export function compileCampaign(id: string, body: unknown, defaults: TenantDefaults): CompiledCampaign {
  const document = CampaignDocument.parse(body);
  const fields = Object.entries(document.fields).map(([name, field]) => compileField(name, field));
  const names = new Set(fields.map((field) => field.name));
  const geo = document.geo ?? fields.find((field) => field.type === 'postalCode')?.name ?? BY_COORDINATES;
  const ofCampaign = { ...defaults, country: document.country ?? defaults.country };

  return {
    id,
    duplicates: duplicatePolicy(document),
    check(lead, now) {
      const reading = new Reading(lead.country?.toUpperCase() ?? ofCampaign.country, ofCampaign.timezone, geo, now);
      const given = lead.fields;
      for (const field of fields) reading.take(field, Object.hasOwn(given, field.name) ? given[field.name] : undefined);
      for (const name of Object.keys(given)) {
        if (names.has(name)) continue;
        if (document.unknownFields === 'refuse') reading.refuse(name, names);
        else if (document.unknownFields === 'keep') reading.keep(name, given[name]);
      }
      return reading.finish(lead, document.list);
    },
  };
}

/** Of no campaign, and no field that could place a lead. */
const NOWHERE = '';

/**
 * What a lead without a campaign is checked by: nobody said what its fields hold, so that all of them are personal and none enters the log.
 * Fields that are called phone and email are read as such: a person is known again.
 */
export function noCampaign(defaults: TenantDefaults): CompiledCampaign {
  const fields = { phone: { type: 'phone', personal: true }, email: { type: 'email', personal: true } };
  return compileCampaign('', { fields, geo: NOWHERE, unknownFields: 'keep' }, defaults);
}

/** One lead on its way through the fields of its campaign. */
class Reading {
  private readonly faults: Fault[] = [];
  private readonly attributes: Record<string, Value> = {};
  private personal: Record<string, unknown> | undefined;
  private place: Place | undefined;
  private phone: string | undefined;
  private mailbox: string | undefined;
  private pointer = '';
  private readonly say = (code: string, message: string) => void this.faults.push({ pointer: this.pointer, code, message });

  constructor(
    private readonly country: string, private readonly timezone: string, private readonly geo: string, private readonly now: number,
  ) {}

  take(field: CompiledField, given: unknown): void {
    const { name } = field;
    this.pointer = `/fields/${name}`;
    // Forms send empty text for what nobody filled in.
    if (given === undefined || given === null || given === '') {
      if (field.required) this.say('required', 'This field is required.');
      return;
    }
    const value = field.read(given, this.country, this.say);
    if (value === undefined) return;
    if (field.personal) (this.personal ??= {})[name] = value;
    else this.attributes[name] = value;
    this.derive(field, value);
  }

  private derive({ name, type, personal }: CompiledField, value: Value): void {
    if (typeof value !== 'string') return;
    if (type === 'phone') this.phone ??= value;
    else if (type === 'email') this.mailbox ??= mailboxOf(value);
    else if (type === 'postalCode') {
      derivePostalCode(this.attributes, name, value, this.country);
      if (name === this.geo) this.place = placeOfCode(value, this.country, personal);
    } else if (type === 'date') deriveAge(this.attributes, name, value, this.now, this.timezone);
  }

  refuse(name: string, known: Iterable<string>): void {
    const near = nearestName(name, known);
    this.pointer = `/fields/${escapePointer(name)}`;
    this.say('unknown_field', `The campaign has no such field.${near ? ` Did you mean "${near}"?` : ''}`);
  }

  /** Nobody said what an unknown field holds, so that it is treated as personal. */
  keep(name: string, value: unknown): void {
    if (name !== '__proto__') (this.personal ??= {})[name] = value;
  }

  finish(lead: NewLead, campaignList: string | undefined): LeadCheck {
    if (this.faults.length > 0) return { faults: this.faults };
    const given = lead.lat !== undefined && lead.lon !== undefined ? roundPlace({ lat: lead.lat, lon: lead.lon }) : undefined;
    const fromFields = this.geo === BY_COORDINATES ? this.ownCoordinates() : undefined;
    return { lead: {
      attributes: this.attributes, personal: this.personal, place: given ?? fromFields ?? this.place, country: this.country,
      list: lead.list ?? campaignList, phone: this.phone, mailbox: this.mailbox,
    } };
  }

  /** A campaign may declare lat and lon as fields of its own. */
  private ownCoordinates(): Place | undefined {
    const lat = this.attributes['lat'] ?? this.personal?.['lat'];
    const lon = this.attributes['lon'] ?? this.personal?.['lon'];
    return typeof lat === 'number' && typeof lon === 'number' && Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? roundPlace({ lat, lon }) : undefined;
  }
}
