/** Random scenarios from a seed: small set-ups full of ties, tight limits and shared leads, so that every rule gets to decide something. */
import { seededRandom } from '@sluice/kernel';
import type { ConfigDocument, Contract, List, Method } from '../document.js';
import type { Case } from './case.js';
import { clean, FEATURES, iso, METHODS, ONLY_LIVE, some, STARTS, ZONES, type Draw, type Feature } from './draw.js';
import { capsOf, clientOf, contractOf, ordersOf } from './generate-contracts.js';
import { timelineOf } from './generate-timeline.js';
import { workflowOf } from './generate-workflows.js';

/** The scenario of a seed. `features` and `methods` narrow what may be drawn. */
export function generateScenario(seed: string, features: readonly Feature[] = FEATURES, methods: readonly Method[] = METHODS): Case {
  return generate(seed, features, methods, false);
}

/**
 * Left out of windows: what they are not woken for, and what a try changes though it finds nobody new, because the two readings try at
 * different instants. (The richest set grows when it is asked for again, weights are asked for fewer where an exclusive contract comes in
 * between, another contract can stand for a client, a contract that closes can let a minimum be met, a first buyer makes a table's price
 * fall within what an order has left, and a take has room again after a return.)
 */
const NOT_IN_WINDOWS: readonly string[] = [
  'percentageLimit', 'percentage', 'lookBack', 'manual', 'cherryPick', 'turnover', 'weighted', 'byClient', 'minimums', 'random', 'force',
  'priceTables', 'returns', ...ONLY_LIVE,
];
/** What windows wait for. */
const WAITED_FOR: readonly Feature[] = ['schedules', 'caps', 'changes', 'orders', 'rolling', 'fallback'];

/** A scenario of windows: leads that wait for schedules, caps, orders and changes, and people who pause, stop and edit them. */
export function generateWindows(seed: string): Case {
  const allowed = <T extends string>(names: readonly T[]) => names.filter((name) => !NOT_IN_WINDOWS.includes(name));
  return generate(seed, allowed(FEATURES), allowed(METHODS), true);
}

/** A scenario of leads that name their client, and wait for it where it cannot take them yet. */
export function generateHeld(seed: string): Case {
  const allowed = <T extends string>(names: readonly T[]) => names.filter((name) => name === 'force' || !NOT_IN_WINDOWS.includes(name));
  return generate(seed, allowed(FEATURES), allowed(METHODS), false, ['force', 'schedules', 'caps', 'changes', 'orders', 'rolling']);
}

function generate(
  seed: string, features: readonly Feature[], methods: readonly Method[], windows: boolean,
  often: readonly Feature[] = windows ? WAITED_FOR : [],
): Case {
  const random = seededRandom(seed);
  // Few features at once leave room for the ranking to decide; many find how they meet.
  const density = random.pick([0.08, 0.2, 0.35]);
  const on = new Set(features.filter((each) => random.chance(often.includes(each) ? 0.5 : density)));
  const draw: Draw = { random, has: (feature) => on.has(feature), methods, windows, waits: often.length > 0, start: random.pick(STARTS) };
  const config = configOf(draw);
  const timeline = timelineOf(draw, config);
  const last = Date.parse(timeline[timeline.length - 1]?.at ?? '');
  return clean<Case>({
    name: seed, config, timeline, until: often.length > 0 ? iso(last + 4 * 86_400_000) : undefined,
    scripts: on.has('scripts') ? {
      filter: random.pick([0, 3, 5]), score: random.pick([0, 2, 4]), drop: random.pick([0, 3, 4]),
    } : undefined,
  });
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
    clients, contracts, workflows, campaigns: campaignsOf(draw, workflows.map(({ id }) => id)),
    lists: has('lists') ? ['east', 'west'].map((id) => ({ id, ...membersOf(draw, contracts, clients.map((each) => each.id)) })) : undefined,
    deliveryMethods: [{ id: 'hook', type: 'webhook', url: 'https://example.com/', enabled: !has('status') || random.chance(0.8) }],
    orders: has('orders') ? contracts.flatMap((contract) => ordersOf(draw, contract.id)) : undefined,
  });
}

function campaignsOf(draw: Draw, workflows: readonly string[]): ConfigDocument['campaigns'] {
  const { random, has } = draw;
  return workflows.map((workflow, place) => ({
    id: `m${place}`, workflow, geo: random.chance(0.5) ? 'zip' : undefined, list: has('lists') ? some(draw, 0.5, () => 'east') : undefined,
    caps: has('wideCaps') ? some(draw, 0.3, () => capsOf(draw)) : undefined,
    deadline: has('rejections') ? some(draw, 0.3, () => 'PT2H1S') : undefined,
    ...(has('force') ? {
      forceClient: 'for', forceElse: draw.waits && random.chance(0.7) ? 'hold' : random.pick(['normal', 'hold', 'refuse'] as const),
      forceOver: some(draw, 0.4, () => [random.pick(['caps', 'schedule'] as const)]),
    } : {}),
    fields: {
      for: { type: 'string' }, state: { type: 'string' }, age: { type: 'integer' }, zip: { type: 'postalCode' }, born: { type: 'date' },
      solar: { type: 'boolean' },
    },
  }));
}

function membersOf({ random }: Draw, contracts: readonly Contract[], clients: readonly string[]): Pick<List, 'clients' | 'contracts'> {
  return { clients: clients.filter(() => random.chance(0.4)), contracts: contracts.map(({ id }) => id).filter(() => random.chance(0.4)) };
}
