/** Who stands before whom: the rule's method, its secondary, quality score, price, order of entry (F3). */
import { dayNumber, localDate, murmur3 } from '@sluice/kernel';
import type { ConfigDocument, Method } from '../document.js';
import { distanceTo } from './criteria.js';
import { entryOf, reservations, stands, zoneOf, type History, type Recipient } from './history.js';
import { askingPrice, highestPrice, trialsLeft } from './limits.js';
import { phasesOf, type Desk } from './phase.js';
import { scoreOf } from './scripts.js';

/** Negative if the first stands before the second. */
export type Order = (a: Recipient, b: Recipient) => number;

/** The whole comparator: total, because no two things share a place in the order of entry. */
export function fullOrder(desk: Desk, methods: readonly (Method | undefined)[]): Order {
  const { document } = desk;
  const orders: Order[] = methods.filter((method) => method !== undefined).map((method) => methodOrder(desk, method));
  if (document.ties !== 'entry') orders.push(quality, methodOrder(desk, 'price'));
  return chain([...orders, ascending(({ contract }) => entryOf(desk.history, 'contracts', contract.id))]);
}

/** A7: a script's score sorts before the rule's method, high first. */
export function scoreOrder({ asked }: Desk): Order {
  const { scripts, lead } = asked;
  return scripts ? ascending(({ contract }) => -scoreOf(scripts, lead.id, contract.id)) : () => 0;
}

function entryOrder({ history, phase }: Desk): Order {
  return ascending(({ id }) => entryOf(history, phase.by === 'client' ? 'clients' : 'contracts', id));
}

/** What stands before the turn in a list of methods (RR6); undefined where no turn is among them. */
export function beforeTurn(desk: Desk, methods: readonly (Method | undefined)[]): Order | undefined {
  const place = methods.indexOf('roundRobin');
  const before = methods.slice(0, Math.max(0, place)).filter((method) => method !== undefined);
  return place < 0 ? undefined : chain([scoreOrder(desk), ...before.map((method) => methodOrder(desk, method))]);
}

export function chain(orders: readonly Order[]): Order {
  return (a, b) => orders.map((order) => order(a, b)).find((result) => result !== 0) ?? 0;
}

function ascending(key: (recipient: Recipient) => number | bigint): Order {
  return (a, b) => {
    const [first, second] = [key(a), key(b)];
    return first < second ? -1 : first > second ? 1 : 0;
  };
}

const quality: Order = ascending(({ contract }) => -(contract.qualityScore ?? 100));

export function methodOrder(desk: Desk, method: Method): Order {
  const { document, place, history, sold, workflow } = desk;
  const price = ({ contract }: Recipient) => askingPrice(history, contract, sold, workflow.maxMultiplication);
  switch (method) {
    case 'price': return ascending((each) => -price(each));
    case 'qualityScore': return quality;
    case 'priority': return chain([
      ascending(({ client }) => client.priority ?? Infinity), ascending(({ contract }) => contract.priority ?? Infinity),
    ]);
    case 'distance': return ascending(({ contract }) => distanceTo(document, contract, place) ?? Infinity);
    case 'random': return ascending(({ contract }) => drawOf(desk, contract.id));
    case 'roundRobin': return chain([ascending((each) => lastServed(desk, each)), entryOrder(desk)]);
    case 'freeTrial': {
      const free = ({ contract }: Recipient) => trialsLeft(history, contract) > 0;
      return chain([
        ascending((each) => (free(each) ? 0 : 1)),
        (a, b) => (free(a) && free(b) ? quality(a, b) : 0),
        ascending(({ contract }) => -highestPrice(document, contract, sold, workflow.maxMultiplication)),
      ]);
    }
    default: throw new Error(`${method} is no simple order`);
  }
}

/** F6, with a hash in the place of the keyed one. */
function drawOf({ asked, phase, leadId }: Desk, contract: string): number {
  return murmur3([leadId, phase.key, asked.rounds, contract].join('|')) / 2 ** 32;
}

/** RR5: behind the pointer first, then from the head of the list again. The pointer is where the rule's last standing turn was taken. */
function pointed(desk: Desk, recipient: Recipient): number {
  const { history, phase, document } = desk;
  const [kind, key] = phase.by === 'client' ? ['clients', 'client'] as const : ['contracts', 'contract'] as const;
  const admitted = (of: ConfigDocument) => (of.contracts ?? []).filter((each) => phase.admits(of, each));
  const members = (of: ConfigDocument) => admitted(of).map(({ id }) => id).sort().join('|');
  // Who joins or leaves the list resets it.
  const other = history.findLastIndex((fact) => fact.type === 'configured' && members(fact.document) !== members(document));
  const since = history.findIndex((fact, place) => place > other && fact.type === 'configured');
  const turns = reservations(history)
    .filter((each) => each.rule === phase.key && each.turned && stands(history, each) && history.indexOf(each) > since);
  const last = turns.pop();
  const entry = entryOf(history, kind, recipient.id);
  return last !== undefined && entry <= entryOf(history, kind, last[key]) ? entry + 1e6 : entry;
}

/** RR1: the place in the history of the last reservation that stands, whatever rule made it; of who has none, that of its creation. */
export function lastServed(desk: Desk, recipient: Recipient): number {
  const { history, phase, now, document } = desk;
  if (document.rotation === 'pointer') return pointed(desk, recipient);
  const kind = phase.by === 'client' ? 'clients' : 'contracts';
  const isIts = (each: { contract: string; client: string }) => (phase.by === 'client' ? each.client : each.contract) === recipient.id;
  const created = history.findIndex((fact) => fact.type === 'configured' && fact.document[kind]?.some(({ id }) => id === recipient.id));
  if (phase.reset === 'never') {
    const standing = reservations(history).filter((each) => isIts(each) && stands(history, each));
    return Math.max(created + olderShare(history, created, kind, recipient.id), ...standing.map((each) => history.indexOf(each)));
  }
  // RR4: the rotation is the rule's own, and starts again with each interval.
  const interval = intervalOf(desk, now);
  const own = reservations(history).filter((each) => isIts(each) && each.rule === phase.key && each.turned && stands(history, each));
  const served = own.filter((each) => intervalOf(desk, each.at) === interval).map((each) => history.indexOf(each));
  const createdNow = intervalOf(desk, history[created]?.at ?? 0) === interval ? created : -1;
  return Math.max(createdNow, ...served);
}

/** What came in one document was created in the order of its dates, before what says none: the share of it that is older, below 1. */
function olderShare(history: History, created: number, kind: 'clients' | 'contracts', id: string): number {
  const fact = history[created];
  const came = (fact?.type === 'configured' ? fact.document[kind] : undefined) ?? [];
  const dateOf = (thing?: { createdAt?: string }) => (thing?.createdAt === undefined ? Infinity : Date.parse(thing.createdAt));
  const own = dateOf(came.find((each) => each.id === id));
  return came.filter((each) => dateOf(each) < own).length / (came.length + 1);
}

/** Name of the reset interval: local day, or seven of them counted from the day the rule appeared. */
export function intervalOf({ history, document, workflow, phase }: Desk, at: number): string | number {
  const zone = zoneOf(document, workflow);
  if (phase.reset === 'daily') return localDate(at, zone);
  const start = history.find((fact) => fact.type === 'configured'
    && fact.document.workflows?.some((each) => phasesOf(each).some(({ key, reset }) => key === phase.key && reset === phase.reset)));
  return Math.floor((dayNumber(localDate(at, zone)) - dayNumber(localDate(start?.at ?? at, zone))) / 7);
}
