/** Every gate of one contract for one lead at one moment (F2): all that fail, in the order of precedence. */
import { compileSchedule, parseDuration } from '@sluice/kernel';
import type { ConfigDocument, Contract, Workflow } from '../document.js';
import { GATES, type Gate } from '../reasons.js';
import type { CaseLead } from './case.js';
import { distanceTo, meets, placeOfLead } from './criteria.js';
import {
  clientOf, documentNow, reservations, soldSet, standing, stands, zoneOf, type History, type Reservation, type Sharer,
} from './history.js';
import { askingPrice, capGates, creditLimit, creditUsed, highestPrice, orderFor, percentageAllows } from './limits.js';
import { refuses, type Scripts } from './scripts.js';

export interface Asked {
  history: History;
  lead: CaseLead;
  receivedAt: number;
  now: number;
  workflow?: Workflow;
  trigger: 'arrival' | 'fallback' | 'window' | 'manual' | 'cherryPick';
  /** Attempts made for the lead before this one. */
  rounds: number;
  /** Gates that a person passes over; sharing and "has it already" are none of them. */
  overrides: readonly string[];
  scripts?: Scripts;
}

/** Gates that keep a contract out: those that fail, less what a person passes over. */
export function standingGates({ overrides }: Asked, failed: readonly Gate[]): Gate[] {
  return failed.filter((gate) => !overrides.includes(gate) || gate === 'share_count' || gate === 'already_received');
}

/** Nobody asked for it by hand. */
export function isAutomatic({ trigger }: Asked): boolean {
  return trigger !== 'manual' && trigger !== 'cherryPick';
}

/** Gates that look at the lead and the contract's terms alone; a lead that passes them is qualified (P3). */
export function staticGates({ history, lead, receivedAt }: Asked, contract: Contract): Gate[] {
  const document = documentNow(history);
  const client = clientOf(document, contract);
  const place = placeOfLead(document, lead);
  const failed: Gate[] = [];
  if (contract.criteria && !meets(contract.criteria, { lead, receivedAt, place })) failed.push('criteria');
  if (contract.radiusKm !== undefined) {
    const steps = distanceTo(document, contract, place);
    if (steps === undefined) failed.push('no_geo'); else if (steps > contract.radiusKm * 10) failed.push('out_of_range');
  }
  if (contract.minScore !== undefined && !(lead.score !== undefined && lead.score >= contract.minScore)) failed.push('score_too_low');
  if (lead.consent ? !lead.consent.includes(client.id) : client.requireConsent === true) failed.push('consent');
  return failed;
}

/** All gates that fail, first the one that counts. */
export function failingGates(asked: Asked, contract: Contract): Gate[] {
  const kinds = [staticGates, statusGates, pastGates, limitGates];
  const failed = new Set(kinds.flatMap((gates) => gates(asked, contract)));
  // A script is asked last: only of whom all else lets in.
  const open = standingGates(asked, [...failed]).length === 0;
  if (open && asked.scripts && refuses(asked.scripts, asked.lead.id, contract.id)) failed.add('script');
  return GATES.filter((gate) => failed.has(gate));
}

function statusGates(asked: Asked, contract: Contract): Gate[] {
  const { history, lead, now, receivedAt } = asked;
  const document = documentNow(history);
  const client = clientOf(document, contract);
  const failed: Gate[] = [];
  if ((client.status ?? 'active') !== 'active') failed.push('client_not_active');
  if ((contract.status ?? 'open') !== 'open') failed.push('contract_not_open');
  if (isAutomatic(asked) && (client.automation === false || contract.automation === false)) failed.push('automation_off');
  const method = document.deliveryMethods?.find(({ id }) => id === contract.deliveryMethod);
  if (method?.enabled === false) failed.push('no_delivery_method');
  const suspended = history.filter((fact) => fact.type === 'suspended').filter((fact) => fact.method === contract.deliveryMethod).pop();
  if (suspended && suspended.until > now) failed.push('delivery_suspended');
  const { schedule } = contract;
  if (!schedule && document.requireSchedule) failed.push('schedule_missing');
  const zone = schedule?.timezone ?? zoneOf(document, client);
  if (schedule && !compileSchedule({ ...schedule, timezone: zone }).isOpen(now)) failed.push('schedule_closed');
  if (contract.maxAge !== undefined && now - receivedAt > parseDuration(contract.maxAge)) failed.push('lead_too_old');
  if (!onLists(document, lead, contract)) failed.push('not_in_list');
  return failed;
}

function onLists(document: ConfigDocument, lead: CaseLead, contract: Contract): boolean {
  const campaign = document.campaigns?.find(({ id }) => id === lead.campaign);
  const named = [campaign?.list, lead.list, lead.sourceList].filter((id) => id !== undefined);
  return named.every((name) => {
    const list = document.lists?.find(({ id }) => id === name);
    return list?.contracts?.includes(contract.id) === true || list?.clients?.includes(contract.client) === true;
  });
}

function pastGates(asked: Asked, contract: Contract): Gate[] {
  const { history, lead, now } = asked;
  const failed: Gate[] = [];
  const same = (each: { client: string; contractGroup?: string }) => each.client === contract.client
    || (contract.contractGroup !== undefined && each.contractGroup === contract.contractGroup);
  const cherries = history.filter((fact) => fact.type === 'cherryPicked').filter((fact) => fact.lead === lead.id);
  if ([...standing(history, lead.id), ...cherries].some(same)) failed.push('already_received');
  if (turnedDown(asked, contract)) failed.push('rejected_before');
  if (contract.duplicateLookBack !== undefined) {
    const since = now - parseDuration(contract.duplicateLookBack);
    const had = (each: Reservation) => each.contract === contract.id && each.lead !== lead.id && each.at >= since && stands(history, each);
    const persons = personsOf(lead);
    const samePerson = (each: { persons: readonly string[] }) => each.persons.some((person) => persons.includes(person));
    const picked = history.filter((fact) => fact.type === 'cherryPicked')
      .filter((fact) => fact.at >= since && fact.contract === contract.id);
    const before = [...reservations(history).filter(had), ...picked.filter((fact) => fact.lead !== lead.id)];
    if (before.some(samePerson)) failed.push('duplicate_person');
  }
  return failed;
}

/**
 * D2: without tier delivery one contract of a client is reserved for a lead, ever; with it a rejection lets the client's next one try. Who
 * turned it down is asked again when its terms changed (A2), and whom nothing reached, once the fallback is over.
 */
function turnedDown({ history, lead, trigger }: Asked, contract: Contract): boolean {
  const document = documentNow(history);
  const tiered = clientOf(document, contract).tierDelivery === true;
  return reservations(history).some((each) => {
    if (each.lead !== lead.id || stands(history, each) || howTurnedDown(history, each) === 'released') return false;
    const now = document.contracts?.find(({ id }) => id === each.contract);
    if (now && termsOf(now) !== each.terms) return false;
    if (trigger !== 'fallback' && howTurnedDown(history, each) === 'failed') return false;
    return each.contract === contract.id || (!tiered && each.client === contract.client);
  });
}

function howTurnedDown(history: History, reservation: Reservation): string | undefined {
  return history.slice(history.indexOf(reservation)).filter((fact) => fact.type === 'turnedDown')
    .find((fact) => fact.lead === reservation.lead && fact.contract === reservation.contract)?.how;
}

/** What a contract offers, to be compared: all of it but its name and whether it is open. */
export function termsOf({ status: _status, name: _name, automation: _automation, ...terms }: Contract): string {
  return JSON.stringify(Object.entries(terms).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function personsOf(lead: CaseLead): string[] {
  return [...(lead.phone ? [`phone ${lead.phone}`] : []), ...(lead.email ? [`email ${lead.email.toLowerCase()}`] : [])];
}

function limitGates({ history, lead, now, workflow, trigger }: Asked, contract: Contract): Gate[] {
  const maxMultiplication = workflow?.maxMultiplication;
  const document = documentNow(history);
  const sold = soldSet(history, lead.id, workflow);
  // From the pool a lead is never free: a trial is one of distribution.
  const price = trigger === 'cherryPick'
    ? highestPrice(document, contract, sold, maxMultiplication) : askingPrice(history, contract, sold, maxMultiplication);
  const failed = capGates(history, contract, lead.campaign, price, now);
  if (contract.order === 'required') {
    const { gate } = orderFor(history, contract, price, now);
    if (gate) failed.push(gate);
  }
  if (creditUsed(history, contract.client) + price > creditLimit(document, contract)) failed.push('credit_limit');
  if (!percentageAllows(history, contract, lead.id, now)) failed.push('percentage_limit');
  if (!fits(sold, [contract], maxMultiplication)) failed.push('share_count');
  return failed;
}

/** M2: whether a set on top of the sold one is allowed by the workflow and by everybody in it. */
export function fits(sold: readonly Sharer[], picks: readonly Contract[], maxMultiplication: number | undefined): boolean {
  const buyers = sold.length + picks.length;
  const limits = [maxMultiplication, ...[...sold, ...picks].map(({ maxShareCount }) => maxShareCount)];
  return limits.every((limit) => buyers <= (limit ?? Infinity));
}
