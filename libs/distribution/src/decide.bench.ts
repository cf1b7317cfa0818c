/**
 * How fast a decision is, against a linear scan over compiled closures in the same run on the same machine: match, gates, rank, reserve.
 * The scan is written the way one would write it without an index, and does the same work on what it finds.
 */
import { seededRandom, type SeededRandom } from '@sluice/kernel';
import { decide } from './decide.js';
import type { ConfigDocument, Contract } from './document.js';
import { itemsOf, type ConfigItem } from './items.js';
import { newLife, type Lead } from './lead.js';
import { linearScan } from './linear-scan.bench.js';
import { Market } from './market.js';
import { reserve } from './reserve.js';
import { State } from './state.js';

export interface Row { what: string; measured: number; unit: string; against?: string; ratio?: number; goal: string; met: boolean }

const NOW = Date.UTC(2026, 2, 2, 15);
const STATES = 'AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS'.split(' ').concat(
  'MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY'.split(' '));
const REQUEST = { trigger: 'arrival' } as const;

/** Contracts with three to five criteria, spread over `campaigns`, one in five closed by a cap or paused. */
export function benchDocument(contracts: number, campaigns: number, seed: string): ConfigDocument {
  const random = seededRandom(seed);
  const clients = Math.max(20, Math.floor(contracts / 4));
  return {
    apiVersion: 'v1', timezone: 'UTC',
    clients: Array.from({ length: clients }, (_, place) => ({ id: `client-${place}` })),
    contracts: Array.from({ length: contracts }, (_, place) => contractOf(random, place, clients, campaigns)),
    campaigns: Array.from({ length: campaigns }, (_, place) => ({ id: `campaign-${place}`, workflow: 'auction' })),
    workflows: [{ id: 'auction', mode: 'onArrival', maxMultiplication: 3, rules: [{ method: 'price', take: 3 }] }],
  };
}

function contractOf(random: SeededRandom, place: number, clients: number, campaigns: number): Contract {
  const some = <T>(from: readonly T[], count: number) => random.shuffle(from).slice(0, count);
  const optional = [
    { field: 'zip.prefix', op: 'in' as const, value: Array.from({ length: random.int(10, 60) }, () => String(random.int(0, 99))
      .padStart(2, '0')) },
    { field: 'creditScore', op: 'atLeast' as const, value: random.int(10, 16) * 40 },
    { field: '$score', op: 'atLeast' as const, value: random.int(1, 12) * 5 },
    { field: 'homeowner', op: 'equals' as const, value: random.chance(0.7) },
  ];
  const age = random.int(18, 45);
  return {
    id: `contract-${place}`, client: `client-${random.int(0, clients - 1)}`, campaigns: [`campaign-${random.int(0, campaigns - 1)}`],
    criteria: {
      all: [
        random.chance(0.8) ? { field: 'state', op: 'in', value: some(STATES, random.int(8, 40)) }
          : { field: 'state', op: 'notIn', value: some(STATES, random.int(1, 10)) },
        { field: 'age', op: 'between', value: [age, age + random.int(15, 45)] }, ...some(optional, random.int(1, 2)),
      ],
    },
    price: random.int(500, 9000) / 100, qualityScore: random.int(1, 1337), maxShareCount: random.int(1, 5),
    caps: random.chance(0.1) ? { day: 0 } : { day: 1_000_000, month: 10_000_000 }, status: random.chance(0.1) ? 'paused' : 'open',
  };
}

export function benchLead(random: SeededRandom, place: number, campaigns: number): Lead {
  const attributes: Record<string, string | number | boolean> = {
    state: random.pick(STATES), age: random.int(18, 85), 'zip.prefix': String(random.int(0, 99)).padStart(2, '0'),
    creditScore: random.int(300, 850),
    homeowner: random.chance(0.65),
  };
  for (let extra = 0; extra < 20; extra++) attributes[`extra${extra}`] = random.int(0, 1000);
  return { leadId: `L${place}`, tenantId: 'bench', campaignId: `campaign-${random.int(0, campaigns - 1)}`, receivedAt: NOW, attributes,
    score: random.int(20, 100) };
}

interface Measured { us: number; p99Us: number }
type Work = (lead: Lead) => number;
/** Calls in one reading of the clock: so many that reading it does not show. */
const CALLS = 10;

/**
 * Microseconds a call: the median of many short readings, because on a shared machine the mean is what the neighbours did. The slow work,
 * if any, is read in between, so that both meet the same neighbours.
 */
function measure(leads: readonly Lead[], readings: number, fast: Work, slow?: Work): { fast: Measured; slow: Measured } {
  const samples: { fast: number[]; slow: number[] } = { fast: [], slow: [] };
  let next = 0;
  const lead = () => leads[next++ % leads.length]!;
  for (let reading = 0; reading < readings; reading++) {
    const from = performance.now();
    for (let call = 0; call < CALLS; call++) fast(lead());
    samples.fast.push(((performance.now() - from) * 1000) / CALLS);
    if (!slow || reading % SLOW_EVERY !== 0) continue;
    const slowFrom = performance.now();
    slow(lead());
    samples.slow.push((performance.now() - slowFrom) * 1000);
    for (let call = 0; call < COLD_CALLS; call++) fast(lead());
  }
  const of = (all: number[]): Measured => {
    all.sort((a, b) => a - b);
    return { us: all[all.length >> 1] ?? 0, p99Us: all[Math.floor(all.length * 0.99)] ?? 0 };
  };
  return { fast: of(samples.fast), slow: of(samples.slow) };
}
/** Seldom: a scan of everything empties the caches. */
const SLOW_EVERY = 50;
/** So many decisions after a scan are not counted: they pay for what it threw out of the caches, and nobody scans between two decisions. */
const COLD_CALLS = 200;

interface Indexed {
  /** Match, gates, rank, reserve. */
  work: Work;
  /** The same, and the verdicts of everyone who matched, as a receipt holds them. */
  explained: Work;
  buildMs: number; market: Market; matches: (leads: readonly Lead[]) => number;
}

function indexed(document: ConfigDocument, leads: readonly Lead[], warmUp: number): Indexed {
  const items = itemsOf(document);
  const from = performance.now();
  const market = Market.compile(items, { deliversAlways: true });
  const buildMs = performance.now() - from;
  const state = State.load();
  state.follow(market, NOW);
  const distribute = (lead: Lead) => {
    const life = newLife();
    const decision = decide(market, state, lead, life, REQUEST, NOW, () => 0.5);
    reserve(market, state, lead, life, decision, NOW, () => lead.leadId);
    return decision;
  };
  const work = (lead: Lead) => distribute(lead).picks.length;
  const explained = (lead: Lead) => distribute(lead).verdicts.length;
  for (let warm = 0; warm < warmUp; warm++) work(leads[warm % leads.length]!);
  const matches = (some: readonly Lead[]) => some.reduce((sum, lead) => sum + explained(lead), 0) / some.length;
  return { work, explained, buildMs, market, matches };
}

function leadsFor(campaigns: number): Lead[] {
  const random = seededRandom('leads');
  return Array.from({ length: 5000 }, (_, place) => benchLead(random, place, campaigns));
}

/** Contracts of one campaign where few match: at every size the same number. */
const SELECTIVE_CAMPAIGN = 400;
const SIZES = [1000, 10_000, 100_000] as const;
/** The size that the goals are set for. */
const GOAL_SIZE = 10_000;

/**
 * Measures decide at three sizes, selective (45 match, whatever the size) and dense (one campaign, 11 % match), index and changes, each
 * against a linear scan over closures in the same run. Takes some thirty seconds.
 */
export function benchDecide(): Row[] {
  const selective = SIZES.map((size) => sized(size, Math.max(2, Math.round(size / SELECTIVE_CAMPAIGN)), 6000));
  const dense = SIZES.map((size) => sized(size, 1, Math.round(12_000_000 / size)));
  const [small, goal, large] = selective as [Sized, Sized, Sized];
  const rows = [...selective, ...dense].flatMap(rowsOf);
  rows.push(growth('decide, from 1,000 to 10,000 contracts at equal matches', small.fast, goal.fast, 2));
  rows.push(growth('decide, from 1,000 to 100,000 contracts at equal matches', small.fast, large.fast, 6));
  const buildMs = round(goal.all.buildMs);
  rows.push({ what: 'index for 10,000 contracts built', measured: buildMs, unit: 'ms', goal: '≤ 250 ms', met: buildMs <= 250 });
  const changeUs = changes(goal.document, goal.all.market);
  rows.push({ what: 'one contract changed', measured: round(changeUs), unit: 'µs', goal: '≤ 10 µs', met: changeUs <= 10 });
  return rows;
}

interface Sized { size: number; campaigns: number; matched: number; document: ConfigDocument; all: Indexed; fast: Measured; slow: Measured;
  told: Measured }

function sized(size: number, campaigns: number, readings: number): Sized {
  const document = benchDocument(size, campaigns, 'contracts');
  const leads = leadsFor(campaigns);
  const all = indexed(document, leads, campaigns === 1 ? 2000 : 20_000);
  const measured = measure(leads, Math.min(6000, readings), all.work, linearScan(document, NOW));
  const told = measure(leads, Math.min(1000, readings), all.explained).fast;
  return { size, campaigns, matched: Math.round(all.matches(leads.slice(0, 200))), document, all, ...measured, told };
}

function rowsOf({ size, campaigns, matched, fast, slow, told }: Sized): Row[] {
  const number = (value: number) => value.toLocaleString('en-US');
  const what = `decide, ${number(size)} contracts${campaigns === 1 ? ' of one campaign' : ''}, ${number(matched)} match`;
  const rows = [against(what, fast, slow, size === GOAL_SIZE ? 100 : undefined)];
  if (size === GOAL_SIZE && campaigns > 1) {
    const rate = Math.round(1e6 / fast.us);
    rows.push({ what: '… p99', measured: round(fast.p99Us), unit: 'µs', goal: '≤ 10 µs', met: fast.p99Us <= 10 });
    rows.push({ what: '… a second', measured: rate, unit: '/s', goal: '≥ 250,000/s', met: rate >= 250_000 });
  }
  // What the explanation costs on top of the decision; no goal is set for it.
  rows.push({ what: '… with the verdicts of all that matched', measured: round(told.us), unit: 'µs', against: `${round(fast.us)} µs without`,
    ratio: round(told.us / fast.us), goal: '–', met: true });
  return rows;
}

/** `times`: the goal, if one is set. */
function against(what: string, fast: Measured, slow: Measured, times?: number): Row {
  const ratio = slow.us / fast.us;
  return { what, measured: round(fast.us), unit: 'µs', against: `linear scan ${round(slow.us)} µs`, ratio: round(ratio),
    goal: times === undefined ? '–' : `≥ ${times}×`, met: times === undefined || ratio >= times };
}

function growth(what: string, small: Measured, large: Measured, times: number): Row {
  const ratio = large.us / small.us;
  return { what, measured: round(large.us), unit: 'µs', against: `${round(small.us)} µs`, ratio: round(ratio),
    goal: `≤ ${times}×`, met: ratio <= times };
}

function changes(document: ConfigDocument, market: Market): number {
  const contracts = itemsOf(document).filter((item) => item.kind === 'contract');
  const other = seededRandom('changes');
  const changed = contracts.slice(0, 2000).map((item) => {
    const before = item.body as Contract;
    return { ...item, body: { ...contractOf(other, 0, 2500, 25), id: before.id, client: before.client } } as ConfigItem;
  });
  for (const item of changed) market.change([item]);
  const samples: number[] = [];
  for (const item of contracts.slice(0, changed.length)) {
    const from = performance.now();
    market.change([item]);
    samples.push((performance.now() - from) * 1000);
  }
  samples.sort((a, b) => a - b);
  return samples[samples.length >> 1]!;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
