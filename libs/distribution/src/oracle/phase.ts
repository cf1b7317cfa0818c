/** One rule or delivery group at work: who is in it, in which order they stand, and whom it picks. */
import type { ConfigDocument, Contract, GroupPhase, Method, Rule, Timeframe, Workflow } from '../document.js';
import { GATES } from '../reasons.js';
import { fits, type Asked } from './gates.js';
import { askingPrice, capGates } from './limits.js';
import { clientOf, groupOf, type Fraction, type History, type Recipient, type Reservation, type Sharer } from './history.js';

export interface Phase {
  key: string;
  method: Method;
  secondary?: Method;
  base?: Method;
  by: 'contract' | 'client';
  take?: number;
  minTurnover?: string | number;
  reset: 'never' | 'daily' | '7days';
  timeframe: Timeframe;
  strict: boolean;
  stops: boolean;
  admits(document: ConfigDocument, contract: Contract): boolean;
}

/** What a phase works on: the lead, who was sold or picked before, and how many it may still pick. */
export interface Desk {
  asked: Asked;
  history: History;
  document: ConfigDocument;
  workflow: Workflow;
  leadId: string;
  place: { lat: number; lon: number } | undefined;
  now: number;
  phase: Phase;
  sold: readonly Sharer[];
  /** Picks of earlier phases of this plan. */
  before: readonly Contract[];
  takeLeft: number;
}

export interface Outcome {
  picks: Contract[];
  /** Of those not picked: why. */
  reasons: Map<string, string>;
  earned?: Map<string, Fraction>;
  /** Picks in which a round robin as secondary decided (RR6). */
  turned: Set<string>;
}

export function phasesOf(workflow: Workflow): Phase[] {
  const common = { reset: 'never', timeframe: 'day', strict: true, by: 'contract', stops: false } as const;
  const groups = (workflow.groups ?? []).map((phase: GroupPhase, place): Phase => ({
    ...common, ...phase, key: `${workflow.id}/g${place}`, stops: phase.onSold === 'stop',
    admits: (document, contract) => groupOf(document, contract) === phase.group,
  }));
  const rules = (workflow.rules ?? []).map((rule: Rule, index): Phase => ({
    ...common, ...rule, key: `${workflow.id}/${rule.id ?? `r${index}`}`,
    admits: (document, contract) => inFilter(document, contract, rule.contracts),
  }));
  return [...groups, ...rules];
}

function inFilter(document: ConfigDocument, contract: Contract, filter: Rule['contracts']): boolean {
  if (!filter) return true;
  const group = groupOf(document, contract);
  return filter.ids?.includes(contract.id) === true || filter.clients?.includes(contract.client) === true
    || (group !== undefined && filter.groups?.includes(group) === true)
    || (contract.tags ?? []).some((tag) => filter.tags?.includes(tag));
}

/** M5: one client, and one contract group, buys a lead once. */
export function conflicts(a: Contract, b: Contract): boolean {
  return a.client === b.client || (a.contractGroup !== undefined && a.contractGroup === b.contractGroup);
}

export function fitsWith({ sold, before, workflow }: Desk, picks: readonly Contract[]): boolean {
  return fits(sold, [...before, ...picks], workflow.maxMultiplication);
}

/**
 * A cap of a group or campaign that the picks of this very plan would use up together: they are counted as if they were reserved. Undefined
 * where the contract still fits.
 */
export function sharedCap(desk: Desk, picks: readonly Contract[], contract: Contract): string | undefined {
  const { asked, document, sold, before, workflow } = desk;
  const { history, lead, now } = asked;
  const price = (each: Contract) => askingPrice(history, each, sold, workflow.maxMultiplication);
  const planned = [...before, ...picks].map((each): Reservation => ({
    type: 'reserved', at: now, lead: lead.id, campaign: lead.campaign, contract: each.id, client: each.client,
    group: groupOf(document, each), rule: '', priceMinor: price(each), trial: false, round: -1, persons: [], terms: '', turned: false,
  }));
  if (planned.length === 0) return undefined;
  const shut = capGates([...history, ...planned], contract, lead.campaign, price(contract), now);
  return GATES.find((gate) => shut.includes(gate) && !asked.overrides.includes(gate));
}

/** Nothing stands in the way of one more pick beside these: sharing (M2), a client or group twice (M5), a cap that they share. */
export function couldJoin(desk: Desk, picks: readonly Contract[], contract: Contract): boolean {
  const sibling = [...desk.before, ...picks].some((pick) => conflicts(pick, contract));
  return !picks.includes(contract) && !sibling && fitsWith(desk, [...picks, contract]) && sharedCap(desk, picks, contract) === undefined;
}

/** Takes from a list in order, skipping who cannot take part (M4), until the take is reached. */
export function takeInOrder(desk: Desk, ordered: readonly Recipient[], picks: Contract[], reasons: Map<string, string>): void {
  for (const { contract } of ordered) {
    const sibling = [...desk.before, ...picks].some((pick) => conflicts(pick, contract));
    if (picks.length >= desk.takeLeft) reasons.set(contract.id, 'take_reached');
    else if (!sibling && fitsWith(desk, [...picks, contract])) {
      const cap = sharedCap(desk, picks, contract);
      if (cap) reasons.set(contract.id, cap); else picks.push(contract);
    }
  }
}

export function recipientOf(document: ConfigDocument, contract: Contract, by: 'contract' | 'client'): Recipient {
  return { id: by === 'client' ? contract.client : contract.id, contract, client: clientOf(document, contract) };
}

/** A desk of no rule: for what is chosen by hand or forced. */
export const HAND: Pick<Desk, 'phase' | 'before' | 'takeLeft' | 'place'> = {
  before: [], takeLeft: Infinity, place: undefined,
  phase: {
    key: 'manual', method: 'price', by: 'contract', reset: 'never', timeframe: 'day', strict: true, stops: false, admits: () => true,
  },
};
