/** Random clients and contracts with their caps, schedules and orders. */
import type { Caps, Client, Contract, Order, PlaceText, Schedule } from '../document.js';
import { clean, iso, PLACES, some, ZONES, type Draw } from './draw.js';
import { criteriaOf } from './generate-criteria.js';

/** Of a client's own contracts. */
const ORDERS = ['price', 'priority', 'qualityScore'] as const;

export function clientOf(draw: Draw, id: string): Client {
  const { random, has } = draw;
  return clean<Client>({
    id, name: id.toUpperCase(), timezone: some(draw, 0.5, () => random.pick(ZONES)), priority: some(draw, 0.3, () => random.int(-1, 1)),
    status: has('status') ? some(draw, 0.15, () => 'paused' as const) : undefined, createdAt: createdAt(draw),
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

export function contractOf(draw: Draw, id: string, client: string): Contract {
  const { random, has } = draw;
  const table = has('priceTables') && random.chance(0.5);
  return clean<Contract>({
    id, client, createdAt: createdAt(draw), status: has('status') ? some(draw, 0.15, () => random.pick(['paused', 'closed'] as const)) : undefined,
    campaigns: some(draw, 0.15, () => ['m0']), price: table ? undefined : priceOf(draw), prices: table ? pricesOf(draw) : undefined,
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

/** Not in the order of the document, and some on the same day. */
function createdAt(draw: Draw): string | undefined {
  return some(draw, 0.2, () => iso(draw.start - draw.random.int(1, 3) * 86_400_000));
}

export function contractBody(draw: Draw, client: string): Partial<Contract> {
  const body: Partial<Contract> = { ...contractOf(draw, 'new', client) };
  delete body.id;
  return body;
}

export function priceOf({ random }: Draw): string {
  return random.pick(['0.00', '5.00', '10.00', '10.00', '12.50', '20.00', '30.01']);
}

/** Most fall with the number of buyers; some rise, and then the highest price possible is not the first. */
function pricesOf(draw: Draw): Record<string, string> {
  const { random } = draw;
  if (random.chance(0.2)) return { 1: random.pick(['5.00', '20.00']), 3: '24.00' };
  return clean({
    1: random.pick(['20.00', '30.01']), 2: some(draw, 0.6, () => random.pick(['10.00', '12.50'])), 4: some(draw, 0.4, () => '5.00'),
  });
}

function percentageLimit({ random }: Draw): { percent: number; lookBack: 'hour' | 'day' | 'week' } {
  return { percent: random.pick([20, 50, 66.6]), lookBack: random.pick(['hour', 'day', 'week'] as const) };
}

export function capsOf(draw: Draw): Caps {
  const { random, has } = draw;
  const caps: Caps = {};
  for (const window of ['hour', 'day', 'week', 'month', 'total'] as const) {
    const amount = has('amountCaps') && random.chance(0.5);
    const money = random.pick(['20.00', '45.00']);
    const inMoney = random.chance(0.7) ? { amount: money } : { count: 3, amount: money };
    if (random.chance(0.25)) caps[window] = amount ? inMoney : random.int(0, 4);
  }
  const rolling = has('amountCaps') && random.chance(0.3) ? { amount: '30.00' } : random.int(1, 3);
  if (has('rolling') && random.chance(0.4)) caps.rolling60m = rolling;
  if (random.chance(0.2)) caps.weekStart = 'sun';
  if (random.chance(0.2)) caps.timezone = random.pick(ZONES);
  return caps;
}

/** The same caps with other limits. */
export function otherLimits({ random }: Draw, caps: Caps): Caps {
  const limits = Object.entries(caps).filter(([, limit]) => typeof limit === 'number' || typeof limit === 'object');
  return Object.fromEntries(limits.map(([window, limit]) => (
    [window, typeof limit === 'number' ? random.int(0, 4) : { ...(limit as object), amount: random.pick(['15.00', '30.00', '60.00']) }])));
}

export function ordersOf(draw: Draw, contract: string): Order[] {
  const { random } = draw;
  return Array.from({ length: random.int(0, 2) }, (_, place) => ({ id: `o-${contract}-${place}`, contract, ...orderBody(draw, place) }));
}

export function orderBody(draw: Draw, place: number): Pick<Order, 'quantity' | 'amount' | 'start' | 'end' | 'status'> {
  const { random, start } = draw;
  const day = (from: number, to: number) => iso(start + random.int(from, to) * 86_400_000).slice(0, 10);
  return clean({
    ...(random.chance(0.6) ? { quantity: random.int(1, 4) } : {
      amount: random.pick(['25.00', '60.00']), overdraw: some(draw, 0.3, () => random.pick(['5.00', '20.00'])),
      quantity: some(draw, 0.1, () => 2),
    }),
    start: random.chance(0.2) ? day(-1, 1) : iso(start + random.int(-2, 12) * 3_600_000 + place),
    end: some(draw, 0.4, () => (random.chance(0.3) ? day(1, 3) : iso(start + random.int(10, 40) * 3_600_000))),
    status: some(draw, 0.2, () => random.pick(['active', 'closed', 'pastDue'] as const)),
  });
}

export function scheduleOf({ random, start }: Draw): Schedule {
  const open: Record<string, string[]> = {};
  const hours = ['09:00-17:00', '00:00-24:00', '12:00-24:00', '01:30-02:30'];
  for (const days of ['mon-thu', 'fri', 'sat', 'sun']) if (random.chance(0.7)) open[days] = [random.pick(hours)];
  const closed = random.chance(0.2) ? { closed: [iso(start + 86_400_000).slice(0, 10)] } : {};
  return { ...(random.chance(0.8) ? { timezone: random.pick(ZONES) } : {}), open, ...closed };
}
