/** Every gate of one contract for one lead at one moment (F2): all that fail, in the order of precedence. */
import { compileSchedule, parseDuration } from '@sluice/kernel';
import type { ConfigDocument, Contract } from '../document.js';
import { GATES, type Gate } from '../reasons.js';
import type { ScenarioLead } from '../scenario.js';
import { distanceTo, meets, placeOfLead } from './criteria.js';
import { clientOf, documentNow, reservations, soldSet, stands, zoneOf, type History, type Reservation } from './history.js';
import { capGates, highestPrice, orderFor, percentageAllows } from './limits.js';

export interface Asked { history: History; lead: ScenarioLead; receivedAt: number; now: number; maxMultiplication?: number }

/** Gates that look at the lead and the contract's terms alone; a lead that passes them is qualified (P3). */
export function staticGates({ history, lead, receivedAt, now }: Asked, contract: Contract): Gate[] {
  const document = documentNow(history);
  const client = clientOf(document, contract);
  const place = placeOfLead(document, lead);
  const failed: Gate[] = [];
  if (contract.criteria && !meets(contract.criteria, lead, place)) failed.push('criteria');
  if (contract.radiusKm !== undefined) {
    const steps = distanceTo(document, contract, place);
    if (steps === undefined) failed.push('no_geo'); else if (steps > contract.radiusKm * 10) failed.push('out_of_range');
  }
  if (contract.minScore !== undefined && !(lead.score !== undefined && lead.score >= contract.minScore)) failed.push('score_too_low');
  if (contract.maxAge !== undefined && now - receivedAt > parseDuration(contract.maxAge)) failed.push('lead_too_old');
  if (lead.consent ? !lead.consent.includes(client.id) : client.requireConsent === true) failed.push('consent');
  return failed;
}

/** All gates that fail, first the one that counts. */
export function failingGates(asked: Asked, contract: Contract): Gate[] {
  const kinds = [staticGates, statusGates, pastGates, limitGates];
  const failed = new Set(kinds.flatMap((gates) => gates(asked, contract)));
  return GATES.filter((gate) => failed.has(gate));
}

function statusGates({ history, lead, now }: Asked, contract: Contract): Gate[] {
  const document = documentNow(history);
  const client = clientOf(document, contract);
  const failed: Gate[] = [];
  if ((client.status ?? 'active') !== 'active') failed.push('client_not_active');
  if ((contract.status ?? 'open') !== 'open') failed.push('contract_not_open');
  if (client.automation === false || contract.automation === false) failed.push('automation_off');
  const method = document.deliveryMethods?.find(({ id }) => id === contract.deliveryMethod);
  if (method?.enabled === false) failed.push('no_delivery_method');
  const { schedule } = contract;
  if (!schedule && document.requireSchedule) failed.push('schedule_missing');
  const zone = schedule?.timezone ?? zoneOf(document, client);
  if (schedule && !compileSchedule({ ...schedule, timezone: zone }).isOpen(now)) failed.push('schedule_closed');
  if (!onLists(document, lead, contract)) failed.push('not_in_list');
  return failed;
}

function onLists(document: ConfigDocument, lead: ScenarioLead, contract: Contract): boolean {
  const campaign = document.campaigns?.find(({ id }) => id === lead.campaign);
  const named = [campaign?.list, lead.list].filter((id) => id !== undefined);
  return named.every((name) => {
    const list = document.lists?.find(({ id }) => id === name);
    return list?.contracts?.includes(contract.id) === true || list?.clients?.includes(contract.client) === true;
  });
}

function pastGates({ history, lead, now }: Asked, contract: Contract): Gate[] {
  const failed: Gate[] = [];
  const same = (each: { client: string; contractGroup?: string }) => each.client === contract.client
    || (contract.contractGroup !== undefined && each.contractGroup === contract.contractGroup);
  const cherries = history.filter((fact) => fact.type === 'cherryPicked').filter((fact) => fact.lead === lead.id);
  if ([...soldSet(history, lead.id), ...cherries].some(same)) failed.push('already_received');
  if (turnedDown(history, lead.id, contract)) failed.push('rejected_before');
  if (contract.duplicateLookBack !== undefined) {
    const since = now - parseDuration(contract.duplicateLookBack);
    const had = (each: Reservation) => each.contract === contract.id && each.lead !== lead.id && each.at >= since && stands(history, each);
    const persons = personsOf(lead);
    const samePerson = (each: Reservation) => each.persons.some((person) => persons.includes(person));
    if (reservations(history).some((each) => had(each) && samePerson(each))) failed.push('duplicate_person');
  }
  return failed;
}

/** D2: without tier delivery one contract of a client is reserved for a lead, ever; with it a rejection lets the client's next one try. */
function turnedDown(history: History, lead: string, contract: Contract): boolean {
  const tiered = clientOf(documentNow(history), contract).tierDelivery === true;
  return reservations(history).some((each) => each.lead === lead && !stands(history, each)
    && (each.contract === contract.id || (!tiered && each.client === contract.client)));
}

export function personsOf(lead: ScenarioLead): string[] {
  return [...(lead.phone ? [`phone ${lead.phone}`] : []), ...(lead.email ? [`email ${lead.email.toLowerCase()}`] : [])];
}

function limitGates({ history, lead, now, maxMultiplication }: Asked, contract: Contract): Gate[] {
  const document = documentNow(history);
  const failed = capGates(history, contract, lead.campaign, now);
  if (contract.order === 'required') {
    const { gate } = orderFor(history, contract, highestPrice(document, contract), now);
    if (gate) failed.push(gate);
  }
  if (!percentageAllows(history, contract, lead.id, now)) failed.push('percentage_limit');
  if (!fits(soldSet(history, lead.id), [contract], maxMultiplication)) failed.push('share_count');
  return failed;
}

/** M2: whether a set on top of the sold one is allowed by the workflow and by everybody in it. */
export function fits(sold: readonly Reservation[], picks: readonly Contract[], maxMultiplication: number | undefined): boolean {
  const buyers = sold.length + picks.length;
  const limits = [maxMultiplication, ...[...sold, ...picks].map(({ maxShareCount }) => maxShareCount)];
  return limits.every((limit) => buyers <= (limit ?? Infinity));
}
