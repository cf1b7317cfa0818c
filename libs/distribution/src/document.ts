/**
 * The configuration document as parsed from YAML or JSON: what a user writes, unconverted. Money stands as written ("25.00" or 25) and is
 * turned into minor units when a market is compiled; dates and durations are ISO text. The keys are those that the console, the API,
 * scenarios and seed data share.
 */

/** An amount as written: "25.00", or 25. */
export type MoneyText = string | number;
/** ISO 8601 instant ("2026-03-01T09:00:00Z") or local date ("2026-03-01", midnight in the zone of the thing that bears it). */
export type DateText = string;
/** ISO 8601 duration of fixed length: "P3D", "PT15M". */
export type DurationText = string;

export interface ConfigDocument {
  apiVersion: 'v1';
  /** Default zone; UTC if unset. */
  timezone?: string;
  /** ISO 4217; USD if unset. */
  currency?: string;
  /** Parity: no schedule = `schedule_missing`. */
  requireSchedule?: boolean;
  /** `entry` leaves quality score and price out of the last comparison. */
  ties?: 'full' | 'entry';
  /** Parity: `pointer` = a position in the ordered list instead of least recently served. */
  rotation?: 'leastRecent' | 'pointer';
  /** Limits of delivery groups. */
  groups?: Group[];
  clients?: Client[];
  contracts?: Contract[];
  campaigns?: Campaign[];
  lists?: List[];
  workflows?: Workflow[];
  pushStrategies?: PushStrategy[];
  deliveryMethods?: DeliveryMethod[];
  orders?: Order[];
  scripts?: Script[];
}

/** What the document says besides its lists. One item of kind `settings`, id `settings`. */
export type Settings = Pick<ConfigDocument, 'timezone' | 'currency' | 'requireSchedule' | 'ties' | 'rotation' | 'groups'>;

export interface Group { id: string; name?: string; timezone?: string; caps?: Caps }

export interface Client {
  id: string;
  name?: string;
  status?: 'active' | 'paused' | 'inactive';
  /** false = takes part in nothing automatic (`automation_off`). */
  automation?: boolean;
  timezone?: string;
  priority?: number;
  group?: string;
  clientGroup?: string;
  assignedUser?: string;
  contractMethod?: Method;
  weight?: number;
  percentage?: number;
  address?: PlaceText;
  removalNotifications?: boolean;
  tierDelivery?: boolean;
  locking?: boolean | number;
  percentageLimit?: PercentageLimit;
  caps?: Caps;
  /** What it may owe at most; unset = no limit. */
  creditLimit?: MoneyText;
  /** true = only leads whose consent names it; a lead that lists buyers binds all anyway. */
  requireConsent?: boolean;
  createdAt?: DateText;
}

export interface Contract {
  id: string;
  client: string;
  name?: string;
  status?: 'open' | 'paused' | 'closed';
  automation?: boolean;
  createdAt?: DateText;
  /** Blank = all. */
  campaigns?: string[];
  /** Contracts of one contract group never get the same lead twice between them, as those of a client do not. */
  contractGroup?: string;
  /** Delivery group; overrides the client's. */
  group?: string;
  tags?: string[];
  criteria?: Criteria;
  schedule?: Schedule;
  caps?: Caps;
  price?: MoneyText;
  /** By number of buyers, instead of price; a missing key takes the next lower one. */
  prices?: Record<string, MoneyText>;
  trial?: { leads: number };
  maxShareCount?: number;
  qualityScore?: number;
  priority?: number;
  weight?: number;
  percentage?: number;
  percentageLimit?: PercentageLimit;
  locations?: PlaceText[];
  radiusKm?: number;
  minScore?: number;
  maxAge?: DurationText;
  /** No lead of a person (same phone or e-mail) it had within this time. */
  duplicateLookBack?: DurationText;
  order?: 'required' | 'optional';
  deliveryMethod?: string;
}

/** A place: degrees, or a postal code that is looked up in the shipped centroids. */
export type PlaceText = { lat: number; lon: number } | { postalCode: string; country?: string };

export interface PercentageLimit { percent: number; lookBack: Timeframe }
export type Timeframe = 'hour' | 'day' | 'week' | 'month';
export type CapWindow = 'hour' | 'rolling60m' | 'day' | 'week' | 'month' | 'total';
/** A number counts leads; `amount` caps money; both may stand. */
export type CapLimit = number | { count?: number; amount?: MoneyText };
/** Each counts its bucket whole, whenever it was set. */
export type Caps = { [window in CapWindow]?: CapLimit } & {
  /** Default: the client's zone. */
  timezone?: string;
  weekStart?: Weekday;
};
export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

export interface Schedule {
  timezone?: string;
  /** Keys: a weekday or a span of them ("mon-fri"); values: "09:00-17:00" intervals, "00:00-24:00" = all day. */
  open: Record<string, string[]>;
  /** Local dates on which it is closed. */
  closed?: DateText[];
}

export interface Campaign {
  id: string;
  name?: string;
  workflow?: string;
  pushStrategy?: string;
  deadline?: DurationText;
  list?: string;
  /** The field that places a lead: a postal code. */
  geo?: string;
  /** A field of the lead that names the client it is for. */
  forceClient?: string;
  forceElse?: 'normal' | 'hold' | 'refuse';
  /** Gates that force passes over; none if unset. Only caps and schedule can be named. */
  forceOver?: ('caps' | 'schedule')[];
  /** Of leads that name none. */
  country?: string;
  fields?: Record<string, Field>;
  caps?: Caps;
  [key: string]: unknown;
}
export interface Field { type: string; required?: boolean; personal?: boolean; [key: string]: unknown }

export interface List { id: string; name?: string; clients?: string[]; contracts?: string[] }

export type Method =
  | 'price' | 'priority' | 'roundRobin' | 'weighted' | 'percentage' | 'distance' | 'qualityScore' | 'random' | 'freeTrial' | 'turnover'
  | 'leadCount';
export type Reset = 'never' | 'daily' | '7days';

export interface Workflow {
  id: string;
  name?: string;
  mode?: 'off' | 'onArrival' | 'window';
  window?: { length: DurationText; every: DurationText };
  /** Total buyers of a lead; unset = no limit of the workflow's. */
  maxMultiplication?: number;
  minimums?: { contracts?: number; turnover?: MoneyText };
  priceOptimization?: 'pooled' | 'separate';
  parallelProcessing?: boolean;
  timezone?: string;
  groups?: GroupPhase[];
  rules?: Rule[];
  /** Pausing a window stops its clock. */
  pauseExtends?: boolean;
  cherryPickCountsForShare?: boolean;
  /** Workflow that runs once when a window expires. */
  fallback?: string;
}

export interface GroupPhase {
  group: string;
  method: Method;
  secondary?: Method;
  base?: Method;
  by?: 'contract' | 'client';
  take?: number;
  reset?: Reset;
  onSold?: 'stop' | 'continue';
}

export interface Rule {
  /** Keeps the rule's rotation and counts when rules are reordered; its place if unset. */
  id?: string;
  method: Method;
  by?: 'contract' | 'client';
  secondary?: Method;
  base?: Method;
  take?: number;
  minTurnover?: MoneyText;
  contracts?: { groups?: string[]; tags?: string[]; ids?: string[]; clients?: string[] };
  reset?: Reset;
  timeframe?: Timeframe;
  strict?: boolean;
}

export interface PushStrategy {
  id: string;
  campaigns?: string[];
  /** `corporate`, or the id of the branch whose leads it hands on. */
  from: string;
  method?: 'roundRobin' | 'weighted';
  reset?: Reset;
  timezone?: string;
  onlyActiveWithin?: DurationText;
  criteria?: Criteria;
  /** Of all its recipients together. */
  caps?: Caps;
  recipients: Recipient[];
  /** A lead that nobody took for `after` goes to the recipient `to`. */
  timeout?: { after: DurationText; to: string };
}
export interface Recipient { to: string; weight?: number; caps?: Caps; criteria?: Criteria }

export interface DeliveryMethod {
  id: string; type: string; enabled?: boolean; onUnknown?: 'hold' | 'accept' | 'release';
  [key: string]: unknown;
}

export interface Order {
  id: string;
  contract: string;
  quantity?: number;
  amount?: MoneyText;
  /** An amount may be passed by this much. */
  overdraw?: MoneyText;
  start: DateText;
  /** Open until this instant, or until this date begins. */
  end?: DateText;
  status?: 'active' | 'closed' | 'pastDue';
}

/** A script (A7). Attached to campaigns, to contracts, to leads that meet `when`; what is left blank is all. */
export interface Script {
  id: string;
  name?: string;
  /** off if unset. `shadow`: it runs and decides nothing; its report says what it would have. */
  status?: 'off' | 'shadow' | 'active';
  campaigns?: string[];
  contracts?: string[];
  when?: Criteria;
  /** Defines any of `filter(lead, contract)`, `score(lead, contract)`, `afterPlan(lead, plan)`. */
  code: string;
  tests?: ScriptTest[];
  /** Turns of loops and calls per lead; a million if unset. */
  limits?: { steps?: number };
  /** How many times its code has changed; kept by the platform, not read from a document. */
  version?: number;
}

/** One case: a lead, what it is asked about, and the answer. */
export interface ScriptTest {
  name: string;
  hook: 'filter' | 'score' | 'afterPlan';
  lead: Record<string, unknown>;
  /** filter, score: the contract's own facts, or the id of one of the document. */
  contract?: string | Record<string, unknown>;
  /** afterPlan: the contracts of the plan, likewise. */
  plan?: (string | Record<string, unknown>)[];
  /** filter: true, or false or words for refused; score: a number; afterPlan: the ids that stay. */
  expect: boolean | string | number | string[];
}

export type Operator =
  | 'equals' | 'notEquals' | 'in' | 'notIn' | 'contains' | 'notContains' | 'startsWith' | 'endsWith' | 'lessThan' | 'atMost' | 'greaterThan'
  | 'atLeast' | 'between' | 'exists' | 'missing' | 'matches' | 'before' | 'after' | 'withinKm';
export type Criteria = { all: Criteria[] } | { any: Criteria[] } | { not: Criteria } | Condition;
/** withinKm: value `{ lat, lon, km }` or `{ postalCode, country, km }`; between: `[low, high]`, both included. */
export interface Condition { field: string; op: Operator; value?: unknown }
