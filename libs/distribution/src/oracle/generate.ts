/** Random scenarios from a seed: small set-ups full of ties, tight limits and shared leads, so that every rule gets to decide something. */
import { seededRandom, type SeededRandom } from '@sluice/kernel';
import type { Caps, Client, ConfigDocument, Contract, Criteria, Method, Order, PlaceText, Rule, Schedule, Workflow } from '../document.js';
import type { Scenario, ScenarioLead, ScenarioStep } from '../scenario.js';

/** What a scenario may contain; a case draws some of them, so that a failing one is small. */
export const FEATURES = [
  'criteria', 'schedules', 'caps', 'sharing', 'distance', 'rejections', 'minimums', 'secondary', 'manyRules', 'filters', 'status',
  'changes', 'quality', 'orders', 'percentageLimit', 'lists', 'groups', 'tiers', 'byClient', 'priceTables', 'returns', 'manual',
  'cherryPick', 'lookBack', 'wideCaps', 'consent', 'resets', 'contractGroups', 'amountCaps', 'rolling',
  'force', 'pointer', 'credit',
] as const;
export type Feature = (typeof FEATURES)[number];

export const METHODS: readonly Method[] = [
  'price', 'priority', 'roundRobin', 'weighted', 'qualityScore', 'distance', 'percentage', 'turnover', 'leadCount', 'freeTrial',
  'random',
];

const SETS: readonly Method[] = ['price', 'turnover', 'leadCount'];

const TIE_BREAKS = ['price', 'priority', 'roundRobin', 'qualityScore', 'distance'] as const;

interface Draw { random: SeededRandom; has: (feature: Feature) => boolean; methods: readonly Method[]; windows: boolean }

/** Of a client's own contracts. */
const ORDERS = ['price', 'priority', 'qualityScore'] as const;
const OVERRIDABLE = ['cap_day', 'criteria', 'schedule_closed', 'order_missing', 'contract_not_open', 'rejected_before', 'share_count'];
const STATES = ['NY', 'NJ', 'TX', 'CA'];
const TEXT_OPERATORS = ['startsWith', 'endsWith', 'contains', 'notContains'] as const;
const NUMBER_OPERATORS = ['lessThan', 'atMost', 'greaterThan', 'atLeast', 'equals'] as const;
const ZONES = ['America/New_York', 'America/Los_Angeles', 'UTC', 'Asia/Kolkata', 'Australia/Lord_Howe'];
const PLACES = [
  { lat: 40.71, lon: -74.01 }, { lat: 40.74, lon: -74.17 }, { lat: 39.95, lon: -75.17 }, { lat: 34.05, lon: -118.24 },
  { lat: 41.88, lon: -87.63 },
];
const START = Date.parse('2026-03-06T15:00:00Z');

/** The scenario of a seed. `features` and `methods` narrow what may be drawn. */
export function generateScenario(seed: string, features: readonly Feature[] = FEATURES, methods: readonly Method[] = METHODS): Scenario {
  return generate(seed, features, methods, false);
}

/**
 * Left out of windows: what they are not woken for, and what a try changes though it finds nobody new, because the two readings try at
 * different instants. (The richest set grows when it is asked for again, another contract
 * can stand for a client, and a contract that closes can let a minimum be met.)
 */
const NOT_IN_WINDOWS: readonly string[] = [
  'percentageLimit', 'percentage', 'lookBack', 'manual', 'cherryPick', 'turnover', 'byClient', 'minimums', 'random', 'force',
];
/** What windows wait for. */
const WAITED_FOR: readonly Feature[] = ['schedules', 'caps', 'changes', 'orders', 'rolling'];

/** A scenario of windows: leads that wait for schedules, caps, orders and changes, and people who pause, stop and edit them. */
export function generateWindows(seed: string): Scenario {
  const allowed = <T extends string>(names: readonly T[]) => names.filter((name) => !NOT_IN_WINDOWS.includes(name));
  return generate(seed, allowed(FEATURES), allowed(METHODS), true);
}

function generate(seed: string, features: readonly Feature[], methods: readonly Method[], windows: boolean): Scenario {
  const random = seededRandom(seed);
  // Few features at once leave room for the ranking to decide; many find how they meet.
  const density = random.pick([0.08, 0.2, 0.35]);
  const on = new Set(features.filter((each) => random.chance(windows && WAITED_FOR.includes(each) ? 0.5 : density)));
  const draw: Draw = { random, has: (feature) => on.has(feature), methods, windows };
  const config = configOf(draw);
  const timeline = timelineOf(draw, config);
  const last = Date.parse(timeline[timeline.length - 1]?.at ?? '');
  return { name: seed, config, timeline, ...(windows ? { until: iso(last + 4 * 86_400_000) } : {}) };
}

function some<T>({ random }: Draw, chance: number, make: () => T): T | undefined {
  return random.chance(chance) ? make() : undefined;
}

function configOf(draw: Draw): ConfigDocument {
  const { random, has } = draw;
  const clients = Array.from({ length: random.int(1, 6) }, (_, place) => clientOf(draw, `c${place}`));
  const contracts = Array.from({ length: random.int(1, 8) }, (_, place) => contractOf(draw, `K${place}`, random.pick(clients).id));
  const workflows = Array.from({ length: random.int(1, 2) }, (_, place) => workflowOf(draw, `w${place}`, contracts));
  return clean({
    apiVersion: 'v1', timezone: random.pick(ZONES), requireSchedule: has('schedules') && random.chance(0.2) ? true : undefined,
    ties: random.chance(0.15) ? 'entry' : undefined, rotation: has('pointer') ? 'pointer' : undefined,
    groups: has('wideCaps') && has('groups') ? [{ id: 'gold', caps: capsOf(draw) }] : undefined,
    clients, contracts, workflows,
    campaigns: workflows.map(({ id }, place) => ({
      id: `m${place}`, workflow: id, geo: random.chance(0.5) ? 'zip' : undefined,
      list: has('lists') ? some(draw, 0.5, () => 'east') : undefined,
      caps: has('wideCaps') ? some(draw, 0.3, () => capsOf(draw)) : undefined,
      ...(has('force') ? {
        forceClient: 'for', forceElse: random.pick(['normal', 'hold', 'refuse'] as const),
        forceOver: some(draw, 0.4, () => [random.pick(['caps', 'schedule'] as const)]),
      } : {}),
      fields: { for: { type: 'string' }, state: { type: 'string' }, age: { type: 'integer' }, zip: { type: 'postalCode' } },
    })),
    lists: has('lists') ? ['east', 'west'].map((id) => ({
      id, clients: clients.filter(() => random.chance(0.4)).map((each) => each.id),
      contracts: contracts.filter(() => random.chance(0.4)).map((each) => each.id),
    })) : undefined,
    deliveryMethods: [{ id: 'hook', type: 'webhook', url: 'https://example.com/', enabled: !has('status') || random.chance(0.8) }],
    orders: has('orders') ? contracts.flatMap((contract) => ordersOf(draw, contract.id)) : undefined,
  });
}

function clientOf(draw: Draw, id: string): Client {
  const { random, has } = draw;
  return clean<Client>({
    id, name: id.toUpperCase(), timezone: some(draw, 0.5, () => random.pick(ZONES)), priority: some(draw, 0.3, () => random.int(-1, 1)),
    status: has('status') ? some(draw, 0.15, () => 'paused' as const) : undefined,
    automation: has('status') ? some(draw, 0.1, () => false) : undefined,
    group: has('groups') ? some(draw, 0.5, () => random.pick(['gold', 'silver'])) : undefined,
    tierDelivery: has('tiers') ? random.chance(0.5) : undefined,
    contractMethod: has('byClient')
      ? some(draw, 0.5, () => random.pick(has('pointer') ? ORDERS : [...ORDERS, 'roundRobin' as const])) : undefined,
    weight: has('byClient') ? some(draw, 0.8, () => random.int(1, 4)) : undefined,
    percentage: has('byClient') ? some(draw, 0.7, () => random.int(5, 25)) : undefined,
    percentageLimit: has('percentageLimit') ? some(draw, 0.3, () => percentageLimit(draw)) : undefined,
    caps: has('wideCaps') ? some(draw, 0.4, () => capsOf(draw)) : undefined,
    creditLimit: has('credit') ? some(draw, 0.5, () => random.pick(['20.00', '50.00'])) : undefined,
    requireConsent: has('consent') ? some(draw, 0.3, () => true) : undefined,
    address: has('distance') ? some(draw, 0.3, () => ({ postalCode: random.pick(['10001', '60601', '00000']), country: 'US' })) : undefined,
  });
}

function contractOf(draw: Draw, id: string, client: string): Contract {
  const { random, has } = draw;
  const table = has('priceTables') && random.chance(0.5);
  return clean<Contract>({
    id, client, status: has('status') ? some(draw, 0.15, () => random.pick(['paused', 'closed'] as const)) : undefined,
    campaigns: some(draw, 0.15, () => ['m0']), price: table ? undefined : priceOf(draw),
    prices: table
      ? clean({
        1: random.pick(['20.00', '30.01']), 2: some(draw, 0.6, () => random.pick(['10.00', '12.50'])), 4: some(draw, 0.4, () => '5.00'),
      })
      : undefined,
    maxShareCount: has('sharing') ? some(draw, 0.8, () => random.int(1, 4)) : some(draw, 0.2, () => 1),
    criteria: has('criteria') ? some(draw, 0.6, () => criteriaOf(draw, 2)) : undefined,
    schedule: has('schedules') ? some(draw, 0.5, () => scheduleOf(draw)) : undefined,
    caps: has('caps') ? some(draw, 0.6, () => capsOf(draw)) : undefined,
    qualityScore: has('quality') ? some(draw, 0.6, () => random.pick([50, 100, 200])) : undefined,
    priority: some(draw, 0.6, () => random.int(-1, 1)), weight: some(draw, 0.8, () => random.pick([1, 1, 2, 3, 5, 0.5])),
    percentage: some(draw, 0.7, () => random.pick([5, 10, 14, 12.5])),
    percentageLimit: has('percentageLimit') ? some(draw, 0.4, () => percentageLimit(draw)) : undefined,
    locations: has('distance')
      ? some(draw, 0.7, () => Array.from({ length: random.int(1, 2) }, (): PlaceText => random.pick(PLACES))) : undefined,
    radiusKm: has('distance') ? some(draw, 0.4, () => random.pick([60, 300])) : undefined,
    group: has('groups') ? some(draw, 0.3, () => random.pick(['gold', 'silver'])) : undefined,
    tags: some(draw, 0.3, () => ['t']), contractGroup: has('contractGroups') ? some(draw, 0.5, () => 'g') : undefined,
    order: has('orders') ? random.pick(['required', 'optional'] as const) : undefined,
    duplicateLookBack: has('lookBack') ? some(draw, 0.5, () => random.pick(['PT1H1S', 'P1DT1S'])) : undefined,
    minScore: has('quality') ? some(draw, 0.2, () => 50) : undefined, maxAge: has('quality') ? some(draw, 0.2, () => 'PT2H1S') : undefined,
    trial: some(draw, 0.4, () => ({ leads: random.int(1, 3) })), deliveryMethod: some(draw, 0.3, () => 'hook'),
  });
}

function priceOf({ random }: Draw): string {
  return random.pick(['0.00', '5.00', '10.00', '10.00', '12.50', '20.00', '30.01']);
}

function percentageLimit({ random }: Draw): { percent: number; lookBack: 'hour' | 'day' } {
  return { percent: random.pick([20, 50, 66.6]), lookBack: random.pick(['hour', 'day'] as const) };
}

function capsOf(draw: Draw): Caps {
  const { random, has } = draw;
  const caps: Caps = {};
  for (const window of ['hour', 'day', 'week', 'month', 'total'] as const) {
    const amount = has('amountCaps') && random.chance(0.5);
    if (random.chance(0.25)) caps[window] = amount ? { amount: random.pick(['20.00', '45.00']) } : random.int(0, 4);
  }
  if (has('rolling') && random.chance(0.4)) caps.rolling60m = random.int(1, 3);
  if (random.chance(0.2)) caps.weekStart = 'sun';
  if (random.chance(0.2)) caps.timezone = random.pick(ZONES);
  return caps;
}

function ordersOf(draw: Draw, contract: string): Order[] {
  const { random } = draw;
  return Array.from({ length: random.int(0, 2) }, (_, place) => clean<Order>({
    id: `o-${contract}-${place}`, contract,
    ...(random.chance(0.7) ? { quantity: random.int(1, 4) } : { amount: random.pick(['25.00', '60.00']) }),
    start: iso(START + random.int(-2, 12) * 3_600_000 + place), end: some(draw, 0.3, () => iso(START + random.int(10, 40) * 3_600_000)),
    status: some(draw, 0.2, () => random.pick(['active', 'closed', 'pastDue'] as const)),
  }));
}

function criteriaOf(draw: Draw, depth: number): Criteria {
  const { random } = draw;
  if (depth > 0 && random.chance(0.4)) {
    const parts = Array.from({ length: random.int(1, 3) }, () => criteriaOf(draw, depth - 1));
    return random.pick([{ all: parts }, { any: parts }, { not: parts[0] as Criteria }]);
  }
  return random.pick<() => Criteria>([
    () => ({ field: 'state', op: random.pick(['equals', 'notEquals'] as const), value: random.pick(STATES) }),
    () => ({ field: 'state', op: random.pick(['in', 'notIn'] as const), value: STATES.filter(() => random.chance(0.5)).concat('ny ') }),
    () => ({ field: 'state', op: random.pick(['exists', 'missing'] as const) }),
    () => ({ field: 'state', op: random.pick(TEXT_OPERATORS), value: random.pick(['n', 'Y']) }),
    () => ({ field: 'age', op: random.pick(NUMBER_OPERATORS), value: random.int(20, 40) }),
    () => ({ field: 'age', op: 'between', value: [random.int(20, 30), random.int(30, 40)] }),
    () => ({ field: '$campaign', op: 'equals', value: 'm0' }),
    () => ({ field: '$source', op: 'in', value: ['s1'] }),
  ])();
}

function scheduleOf({ random }: Draw): Schedule {
  const open: Record<string, string[]> = {};
  for (const days of ['mon-thu', 'fri', 'sat', 'sun']) {
    if (random.chance(0.7)) open[days] = [random.pick(['09:00-17:00', '00:00-24:00', '12:00-24:00'])];
  }
  return { timezone: random.pick(ZONES), open, ...(random.chance(0.2) ? { closed: ['2026-03-07'] } : {}) };
}

function workflowOf(draw: Draw, id: string, contracts: readonly Contract[]): Workflow {
  const { random, has } = draw;
  return clean<Workflow>({
    id, mode: draw.windows && random.chance(0.8) ? 'window' : 'onArrival',
    window: draw.windows ? { length: random.pick(['PT3H', 'P1D', 'P2D']), every: random.pick(['PT30M', 'PT7H']) } : undefined,
    pauseExtends: draw.windows ? random.chance(0.3) : undefined,
    maxMultiplication: some(draw, 0.8, () => random.int(1, 4)), timezone: some(draw, 0.3, () => random.pick(ZONES)),
    priceOptimization: random.pick(draw.windows ? ['pooled', undefined] : ['pooled', 'separate', undefined]),
    // Whether a forced plan is tested by the minimums, nobody says.
    minimums: has('minimums') && !has('force') ? some(draw, 0.5, () => clean({
      contracts: some(draw, 0.6, () => random.int(1, 3)), turnover: some(draw, 0.6, () => random.pick(['10.00', '25.00'])),
    })) : undefined,
    groups: has('groups') ? some(draw, 0.7, () => ['gold', 'silver'].slice(0, random.int(1, 2)).map((group) => clean({
      group, method: random.pick(draw.methods), take: some(draw, 0.6, () => random.int(1, 2)),
      onSold: random.pick(['stop', 'continue'] as const),
    }))) : undefined,
    rules: Array.from({ length: has('manyRules') ? random.int(2, 3) : 1 }, () => ruleOf(draw, contracts)),
  });
}

function ruleOf(draw: Draw, contracts: readonly Contract[]): Rule {
  const { random, has } = draw;
  const method = random.pick(draw.methods);
  return clean<Rule>({
    method, take: some(draw, 0.6, () => random.int(1, 3)), by: has('byClient') ? some(draw, 0.6, () => 'client' as const) : undefined,
    secondary: has('secondary') ? some(draw, 0.6, () => random.pick(TIE_BREAKS)) : undefined,
    base: method === 'weighted' || method === 'percentage' ? some(draw, 0.5, () => random.pick(TIE_BREAKS)) : undefined,
    minTurnover: has('minimums') ? some(draw, 0.4, () => random.pick(['10.00', '22.50'])) : undefined,
    contracts: has('filters') ? some(draw, 0.6, () => random.pick([
      { ids: [random.pick(contracts), ...contracts.filter(() => random.chance(0.6))].map(({ id }) => id) },
      { tags: ['t'] }, { groups: ['gold'] },
    ])) : undefined,
    // What a turn that breaks a tie between whole sets has decided, nobody says (RR6).
    reset: has('resets') && !SETS.includes(method) ? some(draw, 0.6, () => random.pick(['daily', '7days'] as const)) : undefined,
    ...(method === 'percentage' ? { timeframe: random.pick(['hour', 'day', 'week'] as const), strict: random.chance(0.6) } : {}),
  });
}

function timelineOf(draw: Draw, config: ConfigDocument): ScenarioStep[] {
  const { random, has } = draw;
  const steps: ScenarioStep[] = [];
  let at = START;
  const leads = draw.windows ? random.int(1, 7) : random.int(3, 18);
  const pace = random.pick(draw.windows ? [600, 15_000, 40_000] : [600, 3600, 30_000, 200_000]);
  for (let place = 0; place < leads; place++) {
    at += random.int(1, pace) * 1000 + 7;
    if (draw.windows && place > 0 && random.chance(0.4)) steps.push(windowStep(draw, at, `L${random.int(0, place - 1)}`));
    const changes = has('changes') && random.chance(draw.windows ? 0.5 : 0.15);
    if (changes) steps.push({ at: iso(at), ...changeOf(draw, config, place) } as ScenarioStep);
    const earlier = place > 0 ? `L${random.int(0, place - 1)}` : undefined;
    const contract = random.pick(config.contracts ?? []).id;
    if (has('returns') && earlier && random.chance(0.2)) steps.push({ at: iso(at), return: { lead: earlier, contract } });
    if (has('manual') && earlier && random.chance(0.2)) {
      const chosen = random.shuffle(config.contracts ?? []).slice(0, random.int(1, 2)).map(({ id }) => id);
      const byRules = random.chance(0.3);
      const overrides = !byRules && random.chance(0.4) ? [random.pick(OVERRIDABLE)] : undefined;
      const what = { lead: earlier, contracts: byRules ? undefined : chosen, rules: byRules ? 'w0' : undefined, by: 'ann', overrides };
      steps.push({ at: iso(at), distribute: clean(what) });
    }
    if (has('cherryPick') && earlier && random.chance(0.15)) steps.push({ at: iso(at), cherryPick: { lead: earlier, contract } });
    steps.push(leadStep(draw, config, `L${place}`, at));
  }
  return steps;
}

function windowStep({ random }: Draw, at: number, lead: string): ScenarioStep {
  const action = random.pick(['open', 'pause', 'pause', 'resume', 'stop', 'edit'] as const);
  const length = action === 'open' || action === 'edit' ? some({ random } as Draw, 0.6, () => random.pick(['PT5H', 'P1D'])) : undefined;
  return { at: iso(at), window: clean({ lead, action, length }) };
}

function leadStep(draw: Draw, config: ConfigDocument, id: string, at: number): ScenarioStep {
  const { random, has } = draw;
  const contracts = (config.contracts ?? []).map((contract) => contract.id);
  const clients = (config.clients ?? []).map((client) => client.id);
  const lead = clean<ScenarioLead>({
    id, campaign: random.pick(config.campaigns ?? []).id,
    fields: clean({ state: some(draw, 0.8, () => random.pick([...STATES, ' ny'])), age: some(draw, 0.7, () => random.int(18, 42)),
      zip: some(draw, 0.4, () => random.pick(['10001', '60601', '99999'])),
      for: has('force') ? some(draw, 0.5, () => random.pick([...clients, 'nobody'])) : undefined }),
    ...(has('distance') && random.chance(0.6) ? random.pick(PLACES) : {}), source: some(draw, 0.3, () => 's1'),
    score: has('quality') ? random.int(30, 70) : undefined, list: has('lists') ? some(draw, 0.2, () => 'west') : undefined,
    consent: has('consent') ? some(draw, 0.4, () => clients.filter(() => random.chance(0.6))) : undefined,
    phone: has('lookBack') ? some(draw, 0.7, () => `+1212555010${random.int(0, 3)}`) : undefined,
    email: has('lookBack') ? some(draw, 0.4, () => `p${random.int(0, 3)}@example.com`) : undefined,
    receivedAt: has('quality') ? some(draw, 0.3, () => iso(at - random.int(0, 5) * 3_600_000)) : undefined,
  });
  if (!has('rejections')) return { at: iso(at), lead };
  const rejectedBy = random.chance(0.6) ? contracts.filter(() => random.chance(0.4)) : [];
  const failedBy = random.chance(0.15) && !draw.windows ? contracts.filter((each) => !rejectedBy.includes(each) && random.chance(0.4)) : [];
  const unansweredBy = random.chance(0.15) ? contracts.filter((each) => ![...rejectedBy, ...failedBy].includes(each)) : [];
  return { at: iso(at), lead, rejectedBy, failedBy, unansweredBy };
}

function changeOf(draw: Draw, config: ConfigDocument, place: number): { set: Record<string, unknown> } {
  const { random } = draw;
  const contract = random.pick(config.contracts ?? []);
  const { id } = contract;
  return random.pick<() => { set: Record<string, unknown> }>([
    () => ({ set: { contracts: { [id]: { status: random.pick(['open', 'paused']) } } } }),
    () => ({ set: { contracts: { [id]: { price: priceOf(draw), prices: null } } } }),
    () => ({ set: { contracts: { [id]: { caps: otherNumbers(draw, contract.caps ?? {}) } } } }),
    () => ({ set: { contracts: { [id]: { weight: random.int(1, 5) } } } }),
    () => ({ set: { contracts: { [`N${place}`]: contractBody(draw, random.pick(config.clients ?? []).id) } } }),
    () => ({ set: { clients: { [random.pick(config.clients ?? []).id]: { status: random.pick(['active', 'paused']) } } } }),
  ])();
}

/** The same caps with other limits: what a cap that is new would have counted before it was there, nobody says. */
function otherNumbers({ random }: Draw, caps: Caps): Caps {
  const numbers = Object.entries(caps).filter(([, limit]) => typeof limit === 'number');
  return Object.fromEntries(numbers.map(([window]) => [window, random.int(0, 4)]));
}

function contractBody(draw: Draw, client: string): Partial<Contract> {
  const body: Partial<Contract> = { ...contractOf(draw, 'new', client) };
  delete body.id;
  return body;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

/** Without the keys that are undefined: a scenario is printed as JSON, and must mean the same when read back. */
function clean<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}
