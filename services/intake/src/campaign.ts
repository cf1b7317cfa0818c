/** What intake reads of a campaign and of a tenant's settings in the configuration document; other keys are for others. */
import { parseDuration } from '@sluice/kernel';
import { z } from 'zod';

const FIELD_TYPES = ['string', 'integer', 'number', 'boolean', 'date', 'email', 'phone', 'postalCode', 'enum'] as const;
/** Names that would reach into the prototype of an object instead of the object. */
const FORBIDDEN_NAMES = new Set(['__proto__', 'constructor', 'prototype']);

const duration = z.string().transform((text, context) => {
  try {
    return parseDuration(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'expected a duration such as PT60S or P30D' });
    return z.NEVER;
  }
});
const bound = z.union([z.number(), z.string()]);
const then = z.enum(['reject', 'flag', 'accept']);

export const FieldDocument = z.object({
  type: z.enum(FIELD_TYPES),
  required: z.boolean().default(false),
  /** Where unset, e-mail addresses and phone numbers are personal: better a criteria that is refused than a person in the log. */
  personal: z.boolean().optional(),
  min: bound.optional(),
  max: bound.optional(),
  minLength: z.number().int().min(0).optional(),
  maxLength: z.number().int().min(0).optional(),
  pattern: z.string().max(1000).optional(),
  values: z.array(z.string()).optional(),
  country: z.string().length(2).toUpperCase().optional(),
});

export const CampaignDocument = z.object({
  fields: z.record(z.string().regex(/^[A-Za-z_][\w-]*$/), FieldDocument)
    .refine((fields) => Object.keys(fields).every((name) => !FORBIDDEN_NAMES.has(name)), 'a reserved name').default({}),
  /** The field that places a lead: one of type postalCode, or "lat/lon". */
  geo: z.string().optional(),
  country: z.string().length(2).toUpperCase().optional(),
  list: z.string().optional(),
  unknownFields: z.enum(['refuse', 'keep', 'drop']).default('refuse'),
  duplicates: z.object({
    payloadWithin: duration.optional(),
    personWithin: duration.optional(),
    /** One word for both, or one for each. */
    then: z.union([then, z.object({ payload: then.default('reject'), person: then.default('flag') })]).optional(),
  }).default({}),
});

export const SettingsDocument = z.object({
  timezone: z.string().optional(),
  country: z.string().length(2).toUpperCase().optional(),
});

export const SourceDocument = z.object({
  name: z.string().optional(),
  campaign: z.string().optional(),
  allowWithoutCampaign: z.boolean().optional(),
  channel: z.string().optional(),
  list: z.string().optional(),
  status: z.enum(['active', 'paused']).optional(),
});

export type FieldType = (typeof FIELD_TYPES)[number];
export type FieldDocument = z.infer<typeof FieldDocument>;
export type CampaignDocument = z.infer<typeof CampaignDocument>;
export type SettingsDocument = z.infer<typeof SettingsDocument>;
type Then = z.infer<typeof then>;

/** When a lead counts as one that is there already, and what becomes of it. Spans in milliseconds. */
export interface DuplicatePolicy {
  readonly payloadWithinMs: number;
  readonly personWithinMs: number;
  readonly payload: Then;
  readonly person: Then;
}

/**
 * A resent payload is an accident of the sender, so that it is refused unless the campaign says otherwise; the same person may well ask
 * twice, so that the lead is taken and flagged, and each contract's own look-back decides.
 */
const PAYLOAD_WITHIN_MS = 60_000;
const PERSON_WITHIN_MS = 30 * 86_400_000;

export function duplicatePolicy(campaign: CampaignDocument): DuplicatePolicy {
  const given = campaign.duplicates;
  const both = given.then ?? { payload: 'reject', person: 'flag' };
  return {
    payloadWithinMs: given.payloadWithin ?? PAYLOAD_WITHIN_MS,
    personWithinMs: given.personWithin ?? PERSON_WITHIN_MS,
    payload: typeof both === 'string' ? both : both.payload,
    person: typeof both === 'string' ? both : both.person,
  };
}
