/**
 * The configuration document as zod schemas: the one place that says which keys there are and what may stand in them. The JSON Schema
 * that users get is made from it; what one part says of another (references, personal fields, sums) is checked in references.ts.
 */
import type { ConfigDocument } from '@sluice/distribution';
import { z } from 'zod';
import { deliveryMethod } from './delivery-method.js';
import { criteria } from './criteria.js';
import {
  anyInteger, caps, dateOrInstant, duration, flag, id, integer, method, money, percent, percentageLimit, place, positive, reset, says,
  schedule, text, timeframe, weight, word, zone,
} from './leaf.js';

const group = z.strictObject({ id, name: text.optional(), timezone: zone.optional(), caps: caps.optional() });

const client = z.strictObject({
  id,
  name: text.optional(),
  status: word('active', 'paused', 'inactive').optional().describe('active unless set.'),
  automation: flag.optional().describe('false: it takes part in nothing automatic.'),
  timezone: zone.optional(),
  priority: anyInteger.optional().describe('Low first; negatives before 0; unset last.'),
  group: id.optional().describe('Delivery group.'),
  clientGroup: id.optional(),
  assignedUser: id.optional(),
  contractMethod: method.optional().describe('Which of its contracts stands for it where a rule goes by client; price unless set.'),
  weight: weight.optional(),
  percentage: percent.optional(),
  address: place.optional(),
  removalNotifications: flag.optional(),
  tierDelivery: flag.optional(),
  locking: z.union([flag, integer(1)]).optional(),
  percentageLimit: percentageLimit.optional(),
  caps: caps.optional(),
  creditLimit: money.optional(),
  requireConsent: flag.optional(),
  createdAt: dateOrInstant.optional(),
}).meta({ id: 'Client', description: 'Who receives leads and pays.' });

const contract = z.strictObject({
  id,
  client: id,
  name: text.optional(),
  status: word('open', 'paused', 'closed').optional().describe('open unless set.'),
  automation: flag.optional(),
  createdAt: dateOrInstant.optional(),
  campaigns: z.array(id, says('a list of campaign ids')).optional().describe('Blank: all.'),
  contractGroup: id.optional(),
  group: id.optional().describe("Delivery group; overrides the client's."),
  tags: z.array(id, says('a list of tags')).optional(),
  criteria: criteria.optional(),
  schedule: schedule.optional(),
  caps: caps.optional(),
  price: money.optional(),
  prices: z.record(z.string().regex(/^[1-9]\d{0,3}$/, says('a number of sharers')), money).optional().describe('By number of sharers, instead of price.'),
  trial: z.strictObject({ leads: integer(0) }).optional(),
  maxShareCount: integer(1).optional().describe('Total buyers it accepts on a lead, itself included; 1 = exclusive.'),
  qualityScore: integer(1, 1337).optional(),
  priority: anyInteger.optional(),
  weight: weight.optional(),
  percentage: percent.optional(),
  percentageLimit: percentageLimit.optional(),
  locations: z.array(place).optional(),
  radiusKm: positive.optional(),
  minScore: z.number(says('a number')).optional(),
  maxAge: duration.optional(),
  duplicateLookBack: duration.optional(),
  order: word('required', 'optional').optional(),
  deliveryMethod: id.optional(),
}).meta({ id: 'Contract', description: "One client's terms." });

const countryCode = z.string(says('a country code such as US')).regex(/^[A-Z]{2}$/, says('a country code such as US'));
const bound = z.union([z.number(says('a number, or a date as text')), z.string()]);

export const fieldTypes = ['string', 'integer', 'number', 'boolean', 'date', 'email', 'phone', 'postalCode', 'enum'] as const;

const field = z.strictObject({
  type: word(...fieldTypes),
  required: flag.optional(),
  personal: flag.optional().describe('Kept in the vault, encrypted; never in criteria, log or traces. E-mail addresses and phone numbers are unless this says false.'),
  description: text.optional(),
  values: z.array(z.string(says('text')), says('a list of values')).min(1, says('at least one value')).optional().describe('The values allowed.'),
  min: bound.optional(),
  max: bound.optional(),
  minLength: integer(0).optional(),
  maxLength: integer(1).optional(),
  pattern: text.optional().describe('A regular expression (RE2 syntax) that the value must match.'),
  country: countryCode.optional().describe('Of phone numbers and postal codes without one.'),
}).meta({ id: 'Field' });

const duplicateAction = word('reject', 'flag', 'accept');
/** Names that would reach into an object's prototype instead of the object. */
const fieldName = z.string().regex(/^(?!(?:__proto__|constructor|prototype)$)[A-Za-z_][A-Za-z0-9_-]{0,62}$/, says('a field name of letters, digits, "_" and "-"'));

const campaign = z.strictObject({
  id,
  name: text.optional(),
  workflow: id.optional(),
  pushStrategy: id.optional(),
  deadline: duration.optional().describe('After it no fallback.'),
  list: id.optional().describe('Distribution list.'),
  geo: z.string(says('the name of a field, or lat/lon')).optional().describe('The field that places a lead: a postal code; or lat/lon.'),
  forceClient: z.string(says('the name of a field')).optional().describe('A field of the lead that names the client it is for.'),
  forceElse: word('normal', 'hold', 'refuse').optional(),
  forceOver: z.array(word('caps', 'schedule'), says('a list of caps, schedule')).optional(),
  country: countryCode.optional().describe('Of leads that name none; US unless set.'),
  unknownFields: word('refuse', 'keep', 'drop').optional().describe('What becomes of fields that the campaign does not name; refuse unless set.'),
  fields: z.record(fieldName, field).optional(),
  caps: caps.optional(),
  duplicates: z.strictObject({
    payloadWithin: duration.optional().describe('The same payload again within this time is a duplicate; PT60S unless set.'),
    personWithin: duration.optional().describe('The same phone or e-mail again within this time is a duplicate; P30D unless set.'),
    then: z.union([duplicateAction, z.strictObject({ payload: duplicateAction.optional(), person: duplicateAction.optional() })]).optional()
      .describe('reject, flag or accept, one word for both or one for each; payload reject and person flag unless set.'),
  }).optional(),
}).meta({ id: 'Campaign', description: 'What a lead belongs to: its fields, and a workflow or push strategy.' });

const list = z.strictObject({ id, name: text.optional(), clients: z.array(id).optional(), contracts: z.array(id).optional() })
  .meta({ id: 'List', description: 'Distribution list: who may get leads that name it.' });

const by = word('contract', 'client').optional();

const phase = z.strictObject({
  group: id, method, secondary: method.optional(), base: method.optional(), by, take: integer(1).optional(), reset: reset.optional(),
  onSold: word('stop', 'continue').optional(),
});

const rule = z.strictObject({
  id: id.optional().describe("Keeps the rule's rotation and counts when rules are reordered; its place unless set."),
  method,
  by,
  secondary: method.optional(),
  base: method.optional(),
  take: integer(1).optional(),
  minTurnover: money.optional(),
  contracts: z.strictObject({
    groups: z.array(id).optional(), tags: z.array(id).optional(), ids: z.array(id).optional(), clients: z.array(id).optional(),
  }).optional(),
  reset: reset.optional(),
  timeframe: timeframe.optional().describe('Of percentage.'),
  strict: flag.optional(),
});

const workflow = z.strictObject({
  id,
  name: text.optional(),
  mode: word('off', 'onArrival', 'window').optional(),
  window: z.strictObject({ length: duration, every: duration }).optional(),
  maxMultiplication: integer(1).optional().describe('Total buyers of a lead.'),
  minimums: z.strictObject({ contracts: integer(0).optional(), turnover: money.optional() }).optional(),
  priceOptimization: word('pooled', 'separate').optional(),
  parallelProcessing: flag.optional(),
  timezone: zone.optional(),
  groups: z.array(phase).optional(),
  rules: z.array(rule).optional(),
  pauseExtends: flag.optional(),
  cherryPickCountsForShare: flag.optional(),
  fallback: id.optional(),
}).meta({ id: 'Workflow', description: "The ordered rules that distribute a campaign's leads." });

const recipient = z.strictObject({ to: id, weight: weight.optional(), caps: caps.optional(), criteria: criteria.optional() });

const pushStrategy = z.strictObject({
  id,
  name: text.optional(),
  campaigns: z.array(id).optional(),
  from: id.describe('corporate, or a branch id.'),
  method: word('roundRobin', 'weighted').optional(),
  reset: reset.optional(),
  timezone: zone.optional(),
  onlyActiveWithin: duration.optional(),
  criteria: criteria.optional(),
  caps: caps.optional(),
  recipients: z.array(recipient, says('a list of recipients')),
  timeout: z.strictObject({ after: duration, to: id }).optional(),
}).meta({ id: 'PushStrategy' });

const order = z.strictObject({
  id,
  contract: id,
  quantity: integer(1).optional(),
  amount: money.optional(),
  overdraw: money.optional(),
  start: dateOrInstant,
  end: dateOrInstant.optional(),
  status: word('active', 'closed', 'pastDue').optional(),
}).meta({ id: 'Order', description: 'A booked quantity or amount of a contract.' });

const given = z.union([id, z.record(z.string(), z.unknown())], says('the id of a contract, or its facts'));

const scriptTest = z.strictObject({
  name: text,
  hook: word('filter', 'score', 'afterPlan'),
  lead: z.record(z.string(), z.unknown(), says('the fields of a lead')).describe('Its fields; or { fields: {…}, source, campaign, now, … }.'),
  contract: given.optional().describe('filter, score: what it is asked about.'),
  plan: z.array(given, says('a list of contracts')).optional().describe('afterPlan: the contracts of the plan.'),
  expect: z.union([flag, z.number(), z.string(), z.array(id)], says('true, false, words, a number or a list of ids')),
});

const script = z.strictObject({
  id,
  name: text.optional(),
  status: word('off', 'shadow', 'active').optional().describe('off unless set. shadow: it runs and decides nothing.'),
  campaigns: z.array(id, says('a list of campaign ids')).optional().describe('Blank: all.'),
  contracts: z.array(id, says('a list of contract ids')).optional().describe('Blank: all.'),
  when: criteria.optional().describe('The leads it is about.'),
  code: z.string(says('JavaScript')).min(1, says('JavaScript')).max(50_000, says('at most 50000 characters of JavaScript'))
    .describe('Defines any of filter(lead, contract), score(lead, contract), afterPlan(lead, plan).'),
  tests: z.array(scriptTest, says('a list of tests')).max(200, says('at most 200 tests')).optional().describe('All must pass before it runs, in shadow too.'),
  limits: z.strictObject({ steps: integer(10_000, 10_000_000).optional() }).optional().describe('Turns of loops and calls per lead; a million unless set.'),
  version: integer(1).optional().describe('How often its code changed. Kept by the platform; what is written here is not read.'),
}).meta({ id: 'Script', description: 'A script that refuses, sorts or takes contracts out of a plan.' });

/** The settings beside the lists, in the order in which an export writes them. */
const settings = {
  timezone: zone.optional().describe('Default zone; UTC unless set.'),
  currency: z.string(says('a currency code such as USD')).regex(/^[A-Z]{3}$/, says('a currency code such as USD')).optional().describe('USD unless set.'),
  requireSchedule: flag.optional(),
  ties: word('full', 'entry').optional(),
  rotation: word('leastRecent', 'pointer').optional(),
  groups: z.array(group).optional().describe('Limits of delivery groups.'),
};

export const documentSchema = z.strictObject({
  apiVersion: z.literal('v1', says('v1')),
  ...settings,
  clients: z.array(client, says('a list of clients')).optional(),
  contracts: z.array(contract, says('a list of contracts')).optional(),
  campaigns: z.array(campaign, says('a list of campaigns')).optional(),
  lists: z.array(list, says('a list of distribution lists')).optional(),
  workflows: z.array(workflow, says('a list of workflows')).optional(),
  pushStrategies: z.array(pushStrategy, says('a list of push strategies')).optional(),
  deliveryMethods: z.array(deliveryMethod, says('a list of delivery methods')).optional(),
  orders: z.array(order, says('a list of orders')).optional(),
  scripts: z.array(script, says('a list of scripts')).optional(),
}).meta({ id: 'Configuration', title: 'Sluice configuration', description: 'A whole set-up: what apply, diff, export and simulate take.' });

/** Settings alone: what the item of kind `settings` holds. */
export const settingsSchema = z.strictObject(settings);

/** The lists of a document, and the kind of item that each holds. */
export const sections = {
  clients: 'client', contracts: 'contract', campaigns: 'campaign', lists: 'list', workflows: 'workflow', pushStrategies: 'pushStrategy',
  deliveryMethods: 'deliveryMethod', orders: 'order', scripts: 'script',
} as const;

export type Section = keyof typeof sections;
export type Kind = (typeof sections)[Section];

export const itemSchemas = {
  client, contract, campaign, list, workflow, pushStrategy, deliveryMethod, order, script,
} as const satisfies Record<Kind, z.ZodType>;

/** Fails to compile where the schema and the decision's own types drift apart. */
export const conforms: (document: z.output<typeof documentSchema>) => ConfigDocument = (document) => document;

/** The published JSON Schema (draft 2020-12) of the document. */
export function jsonSchema(): unknown {
  return z.toJSONSchema(documentSchema, { target: 'draft-2020-12', io: 'input' });
}
