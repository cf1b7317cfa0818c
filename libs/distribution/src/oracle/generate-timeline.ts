/** Random time lines: leads and how they are answered, changes of the configuration, and what people do in between. */
import type { Caps, ConfigDocument } from '../document.js';
import { GATES } from '../reasons.js';
import type { CaseLead, CaseStep, LeadStep } from './case.js';
import { clean, iso, PLACES, some, STATES, ZONES, type Draw } from './draw.js';
import { capsOf, contractBody, orderBody, otherLimits, priceOf, scheduleOf } from './generate-contracts.js';
import { criteriaOf } from './generate-criteria.js';
import { minimumsOf } from './generate-workflows.js';

const OVERRIDABLE = ['cap_day', 'criteria', 'schedule_closed', 'order_missing', 'contract_not_open', 'rejected_before', 'share_count'];

export function timelineOf(draw: Draw, config: ConfigDocument): CaseStep[] {
  const { random, has } = draw;
  const steps: CaseStep[] = [];
  let at = draw.start;
  const leads = draw.windows ? random.int(1, 7) : random.int(3, 18);
  const pace = random.pick(draw.windows ? [600, 15_000, 40_000] : [600, 3600, 30_000, 200_000]);
  for (let place = 0; place < leads; place++) {
    at += random.int(1, pace) * 1000 + 7;
    if (draw.windows && place > 0 && random.chance(0.4)) steps.push(windowStep(draw, at, `L${random.int(0, place - 1)}`));
    const changes = has('changes') && random.chance(draw.windows ? 0.5 : 0.25);
    if (changes) steps.push({ at: iso(at), set: changeOf(draw, config, place) });
    if (has('removals') && random.chance(0.15)) steps.push(removalOf(draw, config, at));
    if (has('suspensions') && random.chance(0.25)) {
      steps.push({ at: iso(at), suspend: { method: 'hook', until: iso(at + random.int(-1, 3) * 1000 * pace) } });
    }
    if (place > 0) for (const step of byPeople(draw, config, `L${random.int(0, place - 1)}`, at)) steps.push(step);
    steps.push(leadStep(draw, config, `L${place}`, at));
  }
  return steps;
}

function byPeople(draw: Draw, config: ConfigDocument, lead: string, instant: number): CaseStep[] {
  const { random, has } = draw;
  const steps: CaseStep[] = [];
  const at = iso(instant);
  const contract = random.pick(config.contracts ?? []).id;
  if (has('late') && random.chance(0.5)) {
    const outcome = random.pick(['accepted', 'rejected', 'rejected', 'failed', 'released'] as const);
    for (const { id } of config.contracts ?? []) if (random.chance(0.4)) steps.push({ at, late: { lead, contract: id, outcome } });
  }
  if (has('returns') && random.chance(0.2)) steps.push({ at, return: { lead, contract } });
  if (has('manual') && random.chance(0.2)) {
    const chosen = random.shuffle(config.contracts ?? []).slice(0, random.int(1, 2)).map(({ id }) => id);
    const byRules = random.chance(0.3);
    const overrides = some(draw, 0.4, () => [random.pick(random.chance(0.6) ? OVERRIDABLE : GATES)]);
    const what = { lead, contracts: byRules ? undefined : chosen, rules: byRules ? 'w0' : undefined, by: 'ann', overrides };
    steps.push({ at, distribute: clean(what) });
  }
  if (has('cherryPick') && random.chance(0.25)) steps.push({ at, cherryPick: { lead, contract } });
  return steps;
}

function windowStep({ random }: Draw, at: number, lead: string): CaseStep {
  const action = random.pick(['open', 'pause', 'pause', 'resume', 'stop', 'edit'] as const);
  const asked = action === 'open' || action === 'edit';
  const length = asked ? some({ random }, 0.6, () => random.pick(['PT5H', 'P1D'])) : undefined;
  const every = asked ? some({ random }, 0.3, () => random.pick(['PT45M', 'PT5H'])) : undefined;
  return { at: iso(at), window: clean({ lead, action, length, every }) };
}

function leadStep(draw: Draw, config: ConfigDocument, id: string, at: number): LeadStep {
  const { random, has } = draw;
  const contracts = (config.contracts ?? []).map((contract) => contract.id);
  const clients = (config.clients ?? []).map((client) => client.id);
  const wide = has('criteria');
  const lead = clean<CaseLead>({
    id, campaign: (has('manual') || has('cherryPick')) && random.chance(0.1) ? '' : random.pick(config.campaigns ?? []).id,
    fields: clean({ state: some(draw, 0.8, () => random.pick([...STATES, ' ny', '', 'Ny ', '30'])),
      age: some(draw, 0.7, () => random.pick<string | number | null>([random.int(18, 42), random.int(18, 42), ' 31 ', '24', null, 40.5])),
      zip: some(draw, 0.4, () => random.pick(['10001', '60601', '99999', ' 10001 '])),
      born: wide ? some(draw, 0.5, () => random.pick(['1990-05-17', '2001-02-03', '1979-12-31', 'unknown'])) : undefined,
      solar: wide ? some(draw, 0.5, () => random.chance(0.5)) : undefined,
      for: has('force') ? some(draw, 0.5, () => random.pick([...clients, ...clients.map((each) => ` ${each.toUpperCase()}`), 'nobody']))
        : undefined }),
    ...(has('distance') && random.chance(0.6) ? random.pick(PLACES) : {}), source: some(draw, 0.3, () => 's1'),
    channel: wide ? some(draw, 0.5, () => random.pick(['web', 'Web ', 'call'])) : undefined,
    country: wide ? some(draw, 0.4, () => random.pick(['US', 'US', 'CA'])) : undefined,
    duplicate: wide ? some(draw, 0.3, () => random.chance(0.6)) : undefined,
    score: has('quality') || wide ? some(draw, 0.9, () => random.int(30, 70)) : undefined,
    list: has('lists') ? some(draw, 0.2, () => random.pick(['west', 'nowhere'])) : undefined,
    sourceList: has('lists') && has('scripts') ? some(draw, 0.4, () => 'west') : undefined,
    consent: has('consent') ? some(draw, 0.4, () => clients.filter(() => random.chance(0.6))) : undefined,
    phone: has('lookBack') ? some(draw, 0.7, () => `+1212555010${random.int(0, 3)}`) : undefined,
    email: has('lookBack') ? some(draw, 0.4, () => `p${random.int(0, 3)}@${random.pick(['example.com', 'Example.com'])}`) : undefined,
    receivedAt: has('quality') ? some(draw, 0.3, () => iso(at - random.int(0, 5) * 3_600_000)) : undefined,
  });
  return { at: iso(at), lead, ...answersOf(draw, contracts) };
}

function answersOf(draw: Draw, contracts: readonly string[]): Pick<LeadStep, 'rejectedBy' | 'failedBy' | 'unansweredBy'> {
  const { random, has } = draw;
  const late = has('late') ? { unansweredBy: contracts.filter(() => random.chance(0.5)) } : {};
  if (!has('rejections')) return late;
  const rejectedBy = random.chance(0.6) ? contracts.filter(() => random.chance(0.4)) : [];
  const failedBy = random.chance(0.15) && !draw.windows ? contracts.filter((each) => !rejectedBy.includes(each) && random.chance(0.4)) : [];
  const unansweredBy = random.chance(has('late') ? 0.6 : 0.15) ? contracts.filter((each) => ![...rejectedBy, ...failedBy].includes(each)) : [];
  return { rejectedBy, failedBy, unansweredBy };
}

/** A removed contract takes its orders along: a document in which they dangle would be refused. */
function removalOf({ random }: Draw, config: ConfigDocument, at: number): CaseStep {
  const { id } = random.pick(config.contracts ?? []);
  const orders = (config.orders ?? []).filter((order) => order.contract === id).map((order) => order.id);
  return { at: iso(at), remove: { contracts: [id], ...(orders.length > 0 ? { orders } : {}) } };
}

/** A patch merges: what a criteria was before it is taken away. */
const NO_CRITERIA = { all: null, any: null, not: null, field: null, op: null, value: null };

function changeOf(draw: Draw, config: ConfigDocument, place: number): Record<string, unknown> {
  const { random, has } = draw;
  const contract = random.pick(config.contracts ?? []);
  const client = random.pick(config.clients ?? []);
  const workflow = random.pick(config.workflows ?? []);
  const ofContract = (patch: object) => ({ contracts: { [contract.id]: { client: contract.client, ...patch } } });
  const kinds: (() => Record<string, unknown>)[] = [
    () => ofContract({ status: random.pick(['open', 'paused']) }),
    () => ofContract({ price: priceOf(draw), prices: null }),
    () => ofContract({ caps: otherCaps(draw, contract.caps ?? {}) }),
    () => ofContract({ weight: random.int(1, 5), priority: random.int(-1, 1), percentage: random.pick([5, 12.5]) }),
    () => ({ contracts: { [`N${place}`]: contractBody(draw, client.id) } }),
    () => ({ clients: { [client.id]: { status: random.pick(['active', 'paused']) } } }),
  ];
  // In a window a lead is tried when something opens, and only then: what else could change its plan is left to the other cases.
  if (!draw.windows) kinds.push(
    () => ({ clients: { [client.id]: { weight: random.int(1, 4), priority: random.int(-1, 1), tierDelivery: random.chance(0.5) } } }),
    () => ({ workflows: { [workflow.id]: { maxMultiplication: random.int(1, 4), minimums: minimumsOf(draw) ?? null } } }),
    () => ofContract({ criteria: has('criteria') ? { ...NO_CRITERIA, ...criteriaOf(draw, 1) } : null, maxShareCount: random.int(1, 3) }),
    () => ofContract({ schedule: has('schedules') ? scheduleOf(draw) : null }),
    () => ({ deliveryMethods: { hook: { enabled: random.chance(0.6) } } }),
    () => ({ ties: random.pick(['full', 'entry']) }),
    () => (has('schedules') ? { requireSchedule: random.chance(0.4) } : ofContract({ name: 'as before' })),
  );
  if (has('wideCaps') && random.chance(0.3)) return wideChange(draw, config);
  if (has('orders') && random.chance(0.4)) return orderChange(draw, config, place);
  if (has('lists') && random.chance(0.2)) return { lists: { east: { clients: [client.id], contracts: [contract.id] } } };
  return random.pick(kinds)();
}

/** Of clients, groups and campaigns; a contract that goes into another group takes nothing along of what it was sold. */
function wideChange(draw: Draw, config: ConfigDocument): Record<string, unknown> {
  const { random, has } = draw;
  const client = random.pick(config.clients ?? []);
  const campaign = random.pick(config.campaigns ?? []);
  const contract = random.pick(config.contracts ?? []);
  const moves = { contracts: { [contract.id]: { client: contract.client, group: random.pick(['gold', 'silver']) } } };
  return random.pick<() => Record<string, unknown>>([
    () => ({ clients: { [client.id]: { caps: otherCaps(draw, client.caps ?? {}) } } }),
    () => ({ campaigns: { [campaign.id]: { caps: otherCaps(draw, campaign.caps ?? {}) } } }),
    // A list is replaced whole.
    () => ({ groups: ['gold', 'silver'].map((id) => ({ id, caps: capsOf(draw) })) }),
    () => (has('groups') ? moves : { clients: { [client.id]: { caps: null } } }),
    // What a share of the qualified counts begins anew in another zone, which no reading of the history shows.
    () => ({ clients: { [client.id]: has('percentageLimit') ? { name: 'as before' } : { timezone: random.pick(ZONES) } } }),
  ])();
}

/** Other numbers in the same caps, caps where none was, one less, or none. */
function otherCaps(draw: Draw, caps: Caps): object | null {
  const { random } = draw;
  const all = [() => otherLimits(draw, caps), () => capsOf(draw), () => ({ ...capsOf(draw), [random.pick(['hour', 'day', 'rolling60m'])]: null }), () => null];
  return random.pick(random.chance(0.8) ? all.slice(0, 2) : all)();
}

/** A new order, a renewal that failed or went through, one that is closed by hand, more of what was booked. */
function orderChange(draw: Draw, config: ConfigDocument, place: number): Record<string, unknown> {
  const { random } = draw;
  const known = random.chance(0.7) ? config.orders?.[random.int(0, (config.orders.length || 1) - 1)] : undefined;
  if (!known) {
    return { orders: { [`n${place}`]: { contract: random.pick(config.contracts ?? []).id, ...orderBody(draw, place) } } };
  }
  const raise = known.quantity !== undefined ? { quantity: known.quantity + random.int(-1, 2) } : { amount: '90.00' };
  // Whole, as it may have been removed.
  return { orders: { [known.id]: { ...known, ...(random.chance(0.5) ? { status: random.pick(['active', 'closed', 'pastDue']) } : raise) } } };
}
