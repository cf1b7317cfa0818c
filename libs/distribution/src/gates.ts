/**
 * All gates of one contract for one lead (F2): a mask of those that are shut, never only the first. Asking moves nothing. What a limit had
 * used is kept for the explanation only where it shut a gate.
 */
import { ceilPercent, deliveredKey, qualifiedKey, type Limit, type QualifiedShare } from './limits.js';
import { BIT } from './links.js';
import { unlisted, type LimitDetail, type Scene } from './scene.js';
import type { State } from './state.js';
import type { ContractTerms, OrderTerms } from './terms.js';

export type Details = { gate: number; detail: LimitDetail }[];

/** `priceMinor`: the highest price the contract could pay; `details` receives the figures of limits that are reached. */
export function shutGates(scene: Scene, contract: ContractTerms, priceMinor: number, details: Details): number {
  let mask = momentGates(scene.state, contract, priceMinor, scene.now, details) | caseGates(scene, contract, priceMinor, details);
  if (!scene.automatic) mask &= ~BIT.automation_off;
  if (scene.sold + 1 > scene.most || scene.sold + 1 > contract.maxShareCount) mask |= BIT.share_count;
  if (contract.plain) return mask;
  mask |= leadGates(scene, contract);
  if (contract.orderRequired) mask |= orderGate(scene, contract, priceMinor, details);
  if (contract.client.creditLimit !== Infinity) mask |= creditGate(scene, contract, priceMinor, details);
  for (const share of contract.qualified) mask |= qualifiedGate(scene, share, details);
  return mask;
}

/**
 * The lead would be one of a trial that is left. What a client takes from the pool is no distribution: it uses no free lead, and so it is
 * not free (A4).
 */
export function isFree({ state, request }: Scene, { id, trialLeads }: ContractTerms): boolean {
  return trialLeads > 0 && request.trigger !== 'cherryPick' && state.get(`trial|${id}`) < trialLeads;
}

/** The highest price possible, as the gates take it: nothing while the contract has free leads. In minor units. */
export function priceAsked(scene: Scene, contract: ContractTerms): number {
  return isFree(scene, contract) ? 0 : contract.highestPrice(scene.sold + 1, Math.min(scene.most, contract.maxShareCount));
}

/** What hangs on the moment alone: open or not, schedule, caps. */
export function momentGates(state: State, contract: ContractTerms, priceMinor: number, now: number, details: Details): number {
  let mask = contract.shut;
  if (contract.opening !== null && !contract.opening.isOpen(now)) mask |= BIT.schedule_closed;
  const { limits } = contract;
  for (let place = 0; place < limits.length; place++) mask |= limitGate(state, limits[place]!, priceMinor, now, details);
  return mask;
}

/** True where `caseGates` has something to look at, for any contract. */
export function isSpecial(scene: Scene): boolean {
  return scene.received !== null || scene.rejected !== null || scene.lists.length > 0 || scene.lead.consent !== undefined
    || scene.state.suspensions > 0
    || scene.campaignLimits.length > 0 || !scene.automatic;
}

/** What hangs on this lead's story, its lists and consent, its campaign, and suspended deliveries; most leads have none of it. */
export function caseGates(scene: Scene, contract: ContractTerms, priceMinor: number, details: Details): number {
  let mask = 0;
  if (scene.received !== null || scene.rejected !== null) mask |= lifeGates(scene, contract);
  if (scene.lists.length > 0 && unlisted(scene, contract)) mask |= BIT.not_in_list;
  if (scene.state.suspensions > 0 && suspended(scene, contract.deliveryMethod)) mask |= BIT.delivery_suspended;
  if (scene.lead.consent !== undefined && !scene.lead.consent.includes(contract.client.id)) mask |= BIT.consent;
  for (const limit of scene.campaignLimits) mask |= limitGate(scene.state, limit, priceMinor, scene.now, details);
  return mask;
}

function lifeGates(scene: Scene, { id, client, body }: ContractTerms): number {
  let mask = 0;
  const { received, rejected } = scene;
  if (received !== null && (received.has(`client|${client.id}`)
    || (body.contractGroup !== undefined && received.has(`group|${body.contractGroup}`)))) {
    mask |= BIT.already_received;
  }
  if (rejected !== null && (rejected.has(`contract|${id}`) || rejected.has(`client|${client.id}`))) mask |= BIT.rejected_before;
  return mask;
}

function suspended({ state, now }: Scene, method: string | undefined): boolean {
  return method !== undefined && state.get(`suspended|${method}`) > now;
}

/** What hangs on the lead alone. */
function leadGates(scene: Scene, contract: ContractTerms): number {
  const { lead, now } = scene;
  let mask = 0;
  if (contract.radiusSteps !== Infinity) {
    const steps = contract.distanceTo(scene.place());
    if (steps === Infinity) mask |= BIT.no_geo; else if (steps > contract.radiusSteps) mask |= BIT.out_of_range;
  }
  if (contract.minScore !== -Infinity && !((lead.score ?? -Infinity) >= contract.minScore)) mask |= BIT.score_too_low;
  if (now - lead.receivedAt > contract.maxAgeMs) mask |= BIT.lead_too_old;
  if (contract.client.body.requireConsent && lead.consent === undefined) mask |= BIT.consent;
  const since = now - contract.lookBackMs;
  if (contract.lookBackMs > 0 && personsOf(contract.id, lead).some((key) => knows(scene.state, key, since))) mask |= BIT.duplicate_person;
  return mask;
}

/** Keys under which a contract remembers the persons of a lead. */
export function personsOf(contractId: string, lead: { phoneHash?: string; emailHash?: string }): string[] {
  return [lead.phoneHash, lead.emailHash].filter((hash) => hash !== undefined && hash !== '').map((hash) => `dup|${contractId}|${hash}`);
}

function knows(state: State, key: string, since: number): boolean {
  const at = state.get(key);
  return at !== 0 && at > since;
}

function limitGate(state: State, limit: Limit, priceMinor: number, now: number, details: Details): number {
  const used = state.used(limit, now);
  if (used + (limit.metric === 'count' ? 1 : priceMinor) <= limit.limit) return 0;
  const { scope, id, window, metric } = limit;
  details.push({ gate: limit.gate, detail: { scope, id, window, metric, used, limit: limit.limit } });
  return 1 << limit.gate;
}

/** The first open order that has room for the price; undefined where none has (O1: first started, first used). */
export function orderFor(state: State, orders: readonly OrderTerms[], priceMinor: number, now: number): OrderTerms | undefined {
  return orders.find((order) => order.status === 'active' && isOpen(order, now) && hasRoom(state, order, priceMinor));
}

function isOpen(order: OrderTerms, now: number): boolean {
  return now >= order.start && now < order.end && order.status !== 'closed';
}

function hasRoom(state: State, order: OrderTerms, priceMinor: number): boolean {
  return state.get(`order|${order.id}|count`) < order.quantity
    && (order.amount === Infinity || state.get(`order|${order.id}|amount`) + priceMinor <= order.amount);
}

/** Whether a returned lead's unit goes back to this order. */
export function isOrderOpen(order: OrderTerms | undefined, now: number): boolean {
  return order !== undefined && isOpen(order, now);
}

function orderGate(scene: Scene, contract: ContractTerms, priceMinor: number, details: Details): number {
  const { state, now } = scene;
  if (orderFor(state, contract.orders, priceMinor, now)) return 0;
  const open = contract.orders.filter((order) => isOpen(order, now));
  const active = open.find((order) => order.status === 'active');
  let mask = open.length === 0 ? BIT.order_missing : 0;
  if (open.some((order) => order.status === 'pastDue')) mask |= BIT.order_past_due;
  if (active) {
    mask |= BIT.order_exhausted;
    const metric = active.quantity === Infinity ? 'amount' : 'count';
    const detail = { scope: 'order', id: active.id, window: 'total', metric, used: state.get(`order|${active.id}|${metric}`),
      limit: metric === 'count' ? active.quantity : active.amount } as const;
    details.push({ gate: Math.log2(BIT.order_exhausted), detail });
  }
  return mask;
}

function creditGate(scene: Scene, contract: ContractTerms, priceMinor: number, details: Details): number {
  const { id, creditLimit } = contract.client;
  const used = scene.state.get(`credit|${id}`);
  if (used + priceMinor <= creditLimit) return 0;
  details.push({ gate: Math.log2(BIT.credit_limit),
    detail: { scope: 'client', id, window: 'credit', metric: 'amount', used, limit: creditLimit } });
  return BIT.credit_limit;
}

/**
 * Delivered + 1 ≤ ⌈percent · qualified⌉, this lead among the qualified (P3): whether it is, its own gates say, and who passes over those by
 * hand has it count.
 */
function qualifiedGate(scene: Scene, share: QualifiedShare, details: Details): number {
  const { state, life, now } = scene;
  const key = qualifiedKey(share, now);
  const qualified = state.get(key) + (life.counted.includes(key) ? 0 : 1);
  const allowed = ceilPercent(share.percent, qualified);
  const used = state.get(deliveredKey(share, now));
  if (used + 1 <= allowed) return 0;
  details.push({ gate: Math.log2(BIT.percentage_limit),
    detail: { scope: share.scope, id: share.id, window: share.window, metric: 'count', used, limit: allowed } });
  return BIT.percentage_limit;
}
