/**
 * What a decision moves (F4): a unit of every limit of every pick, turns, credits, counts. Units are written into the holding, so that
 * giving them back finds the same counters, however the configuration has changed meanwhile. Of caps the holding says whose count it, and
 * when it was made: each that is in force counts all that its bucket holds, also what was sold before it came, and has its unit back.
 */
import { movesOf, type Moves } from './automatic.js';
import type { Decision, Pick } from './decision.js';
import { isOrderOpen, orderFor, personsOf } from './gates.js';
import { deliveredKey } from './limits.js';
import type { Holding, HoldingState, Lead, Life, Turn, Unit } from './lead.js';
import type { Market } from './market.js';
import { limitsOver } from './new-limits.js';
import { resetBucket } from './newcomers.js';
import { scopesOf } from './past-count.js';
import { percentageKey } from './percentage.js';
import type { Phase } from './phases.js';
import { PushDecision, reservePush } from './push.js';
import { ownRotation } from './rotation.js';
import type { State } from './state.js';
import type { ContractTerms } from './terms.js';
import { giveBackTurns, takeTurn, takeTurnAt } from './turns.js';
import { creditKey, intervalKey } from './weighted.js';

export interface Reserved { life: Life; holdings: Holding[] }
/** What of a decision bears on its picks. */
export interface Planned { readonly trigger: string; readonly picks: readonly Pick[] }

/**
 * Moves the state by a decision: reserves a unit of every limit of every pick (F4), moves rotations and credits, counts what the lead
 * reached. Call it for every decision that stands, the unsold ones too. `idOf` names the outbound lead of a pick.
 */
export function reserve(
  market: Market, state: State, lead: Lead, life: Life, decision: Decision, now: number, idOf: (pick: Pick, index: number) => string,
): Reserved {
  const moves = movesOf(decision);
  for (const key of moves.counted) state.add(key, 1);
  const rounds = life.rounds + 1;
  const holdings = decision instanceof PushDecision ? reservePush(state, life, decision, now, idOf)
    : reservePicks(market, state, lead, life, decision, moves, now, idOf);
  return {
    holdings,
    life: {
      // Each field by name: `...life` costs more than all else that a reservation does.
      picks: holdings.length > 0 ? [...life.picks, ...holdings] : life.picks, rounds,
      minimumsMet: life.minimumsMet || (decision.kind === 'distributed' && moves.minimumsMet),
      rulesMet: moves.rulesMet.length > 0 ? [...life.rulesMet, ...moves.rulesMet] : life.rulesMet,
      counted: moves.counted.length > 0 ? [...life.counted, ...moves.counted] : life.counted,
      // What a client takes from the pool ends no wait: it is no distribution (A4).
      heldSince: holdings.length > 0 && decision.trigger !== 'cherryPick' ? undefined : decision.kind === 'unsold' && decision.held ? life.heldSince ?? now : life.heldSince,
    },
  };
}

/** The units, turns and payments of picks alone; `moves` names the contract and the phase of each. */
export function reservePicks(
  market: Market, state: State, lead: Lead, life: Life, decision: Planned, moves: Moves, now: number,
  idOf: (pick: Pick, index: number) => string,
): Holding[] {
  const holdings = decision.picks.map((pick, index) => hold(market, state, lead, life, decision, moves, pick, index, now,
    idOf(pick, index)));
  if (holdings.length > 0) payEarnings(state, moves, holdings);
  return holdings;
}

function hold(
  market: Market, state: State, lead: Lead, life: Life, decision: Planned, moves: Moves, pick: Pick, index: number, now: number,
  outboundLeadId: string,
): Holding {
  const contract = moves.contracts[index]!;
  const price = Number(pick.priceMinor);
  const units: Unit[] = [];
  const cherry = decision.trigger === 'cherryPick';
  const holding: Holding = {
    outboundLeadId, contractId: contract.id, clientId: contract.client.id, contractGroup: contract.contractGroup, rule: pick.rule,
    state: cherry ? 'cherryPicked' : 'reserved', price: String(pick.priceMinor), at: now,
    also: cherry ? undefined : alsoOf(contract, lead),
    maxShareCount: contract.maxShareCount === Infinity ? undefined : contract.maxShareCount,
    terms: contract.terms, round: life.rounds + 1, units,
  };
  const use = (key: string, amount: number) => {
    state.add(key, amount);
    units.push([key, amount]);
  };
  if (contract.client.creditLimit !== Infinity && price > 0) use(`credit|${contract.client.id}`, price);
  remember(state, contract, lead, holding, now);
  // Cherry-picking counts in no cap and moves no rotation (A4).
  if (cherry) return holding;
  useLimits(market, state, lead, contract, price, now);
  state.sales?.add(holding);
  useOrder(state, contract, holding, price, now, use);
  if (pick.trial) use(`trial|${contract.id}`, 1);
  for (const share of contract.qualified) use(deliveredKey(share, now), 1);
  const phase = moves.phases[index] ?? null;
  if (phase !== null && phase.method === 'percentage') use(percentageKey(phase, phase.byClient ? contract.client.id : contract.id, now), 1);
  holding.turns = turnsOf(market, state, contract, phase, moves.rotates[index] ?? false, now);
  return holding;
}

function useLimits(market: Market, state: State, lead: Lead, contract: ContractTerms, price: number, now: number): void {
  for (const limits of [contract.limits, market.campaigns.get(lead.campaignId)?.limits ?? []]) {
    for (const limit of limits) {
      const amount = limit.unitsAt(price);
      if (amount > 0) state.use(limit, amount, now);
    }
  }
}

function alsoOf({ group }: ContractTerms, { campaignId }: Lead): string[] {
  const also: string[] = [];
  if (campaignId !== '') also.push(`campaign|${campaignId}`);
  if (group !== null) also.push(`group|${group}`);
  return also;
}

/** Of every cap that counts it; what its bucket held when that is over, nobody asks any more. */
function giveBackCaps(market: Market, state: State, holding: Holding): void {
  // Reserved before holdings said when: its units name the counters.
  if (holding.at === undefined) return;
  state.sales?.remove(holding);
  const price = Number(holding.price);
  for (const scope of scopesOf(holding)) {
    for (const limit of limitsOver(market, scope)) state.giveBack(limit, limit.unitsAt(price), holding.at);
  }
}

function useOrder(
  state: State, contract: ContractTerms, holding: Holding, price: number, now: number, use: (key: string, amount: number) => void,
): void {
  if (contract.orders.length === 0) return;
  const order = orderFor(state, contract.orders, price, now);
  if (!order) return;
  holding.order = order.id;
  use(`order|${order.id}|count`, 1);
  if (price > 0) use(`order|${order.id}|amount`, price);
}

function remember(state: State, contract: ContractTerms, lead: Lead, holding: Holding, now: number): void {
  if (contract.lookBackMs === 0) return;
  holding.persons = personsOf(contract.id, lead);
  for (const key of holding.persons) state.set(key, now);
  holding.units.push(...holding.persons.map((key): Unit => [key, now]));
}

/** The turn in the rotation that all rules share, for contract and client; and the rule's own where it has one. */
function turnsOf(market: Market, state: State, contract: ContractTerms, phase: Phase | null, rotates: boolean, now: number): Turn[] {
  const own = phase !== null && rotates;
  const bucket = own ? resetBucket(state, phase.key, phase.reset, phase.zone, now) : null;
  if (bucket !== null && state.get(`rot0|${phase!.key}|${bucket}`) === 0) state.set(`rot0|${phase!.key}|${bucket}`,
    Math.max(1, state.get('seq')));
  const turn = state.nextTurn();
  const turns = [takeTurnAt(state, state.turnSlotOf(contract), turn), takeTurnAt(state, state.clientTurnSlotOf(contract.client), turn)];
  if (own) for (const { key, value } of ownRotation(market, state, phase, contract, turn, now)) turns.push(takeTurn(state, key, value));
  return turns;
}

/** Everybody earns, the winners pay (W2); of an interval only what was received counts (W3). */
function payEarnings(state: State, moves: Moves, holdings: readonly Holding[]): void {
  for (const { key, keys, earned, picks, interval } of moves.earnings) {
    const winners = holdings.filter((_, index) => moves.phases[index]?.key === key);
    if (winners.length === 0) continue;
    // A script may have taken picks away after the plan was made: then all earned for those that stayed.
    const part = winners.length / picks;
    if (interval !== null) {
      for (const holding of winners) {
        const own = intervalKey({ key }, idIn(keys, holding, (id) => intervalKey({ key }, id, interval)), interval);
        for (const counter of [own, intervalKey({ key }, '', interval)]) {
          state.add(counter, 1);
          holding.units.push([counter, 1]);
        }
      }
      continue;
    }
    keys.forEach((counter, place) => state.moveCredit(counter, earned[place]! * part));
    for (const holding of winners) {
      const own = creditKey({ key }, idIn(keys, holding, (id) => creditKey({ key }, id)));
      state.moveCredit(own, -1);
      // A rejection gives the payment back and takes back this pick's part of what all earned.
      holding.units.push([own, -1], ...keys.map((counter, place): Unit => [counter, earned[place]! / picks]));
    }
  }
}

/** Whether the rule weighs contracts or clients shows in its keys. */
function idIn(keys: readonly string[], holding: Holding, keyOf: (id: string) => string): string {
  return keys.includes(keyOf(holding.contractId)) ? holding.contractId : holding.clientId;
}

function withPick(life: Life, outboundLeadId: string, from: readonly HoldingState[], change: (holding: Holding) => Holding): Life {
  const place = life.picks.findIndex((holding) => holding.outboundLeadId === outboundLeadId);
  const holding = life.picks[place];
  if (!holding || !from.includes(holding.state)) return life;
  return { ...life, picks: life.picks.with(place, change(holding)) };
}

/**
 * The client took it: reserved → accepted; what was cherry-picked stays that, and has it noted. Moves no counter. Unknown or settled
 * already: the life as it was.
 */
export function accept(life: Life, outboundLeadId: string): Life {
  return withPick(life, outboundLeadId, ['reserved', 'cherryPicked'], (holding) => (
    holding.state === 'cherryPicked' ? { ...holding, accepted: true } : { ...holding, state: 'accepted' }));
}

/**
 * The client turned it down (`rejected`, also a bounce after the fact), nothing was sent (`failed`), or a person let it go (`released`):
 * gives back all units in their own buckets, the turn (RR2) and the weights' payment (W2). Call `decide` with trigger `fallback` next.
 */
export function release(
  market: Market, state: State, life: Life, outboundLeadId: string, outcome: 'rejected' | 'failed' | 'released',
): Life {
  return withPick(life, outboundLeadId, ['reserved', 'accepted', 'cherryPicked'], (holding) => {
    giveBackCaps(market, state, holding);
    for (const [key, amount] of holding.units) {
      if (key.startsWith('w|')) state.moveCredit(key, -amount);
      else if (key.startsWith('dup|')) { if (state.get(key) === amount) state.set(key, 0); }
      else state.add(key, -amount);
    }
    giveBackTurns(state, holding.turns ?? []);
    return { ...holding, state: outcome, units: [], turns: undefined };
  });
}

/**
 * An approved return: gives units back whose bucket is still open, and the order's while that is open (C3, O1). The share slot stays used.
 */
export function returned(market: Market, state: State, life: Life, outboundLeadId: string, now: number): Life {
  return withPick(life, outboundLeadId, ['accepted', 'cherryPicked', 'reserved'], (holding) => {
    giveBackCaps(market, state, holding);
    const left = holding.units.filter(([key, amount]) => {
      if (!comesBack(market, holding, key, now)) return true;
      state.add(key, -amount);
      return false;
    });
    return { ...holding, state: 'returned', units: left };
  });
}

/** Caps, orders and what is owed; nothing else moves with a return (F4). */
function comesBack(market: Market, holding: Holding, key: string, now: number): boolean {
  if (key.startsWith('order|')) {
    return isOrderOpen(market.contracts.get(holding.contractId)?.orders.find(({ id }) => id === holding.order), now);
  }
  return key.startsWith('credit|') || key.startsWith('cap|');
}
