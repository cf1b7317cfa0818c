/**
 * What a contract takes from the items around it: its client, group, delivery method and orders. Done again whenever one of them changes.
 */
import type { DeliveryMethod, Order } from './document.js';
import type { ConfigItem } from './items.js';
import { limitsOf, type Limit } from './limits.js';
import { GATES, type Gate } from './reasons.js';
import { ClientTerms, minorOf, openingOf, orderTerms, type ContractTerms, type Ground, type OrderTerms } from './terms.js';

export interface Links {
  clients: Map<string, ClientTerms>;
  deliveryMethods: Map<string, DeliveryMethod>;
  groupLimits: Map<string, Limit[]>;
  /** By contract, then by order id. */
  orders: Map<string, Map<string, ConfigItem>>;
}

export const BIT = Object.fromEntries(GATES.map((gate, place) => [gate, 1 << place])) as Record<Gate, number>;

export function linkContract(contract: ContractTerms, links: Links, ground: Ground): void {
  const { body } = contract;
  // A contract whose client is unknown takes part in nothing; the document's validation says so before it comes here.
  const client = links.clients.get(body.client) ?? new ClientTerms({ id: body.client, status: 'inactive' }, 0, ground);
  contract.group = body.group ?? client.body.group ?? null;
  const method = body.deliveryMethod === undefined ? undefined : links.deliveryMethods.get(body.deliveryMethod);
  const hasDelivery = body.deliveryMethod === undefined ? ground.deliversAlways : method !== undefined && method.enabled !== false;
  let shut = 0;
  if ((client.body.status ?? 'active') !== 'active') shut |= BIT.client_not_active;
  if ((body.status ?? 'open') !== 'open') shut |= BIT.contract_not_open;
  if (body.automation === false || client.body.automation === false) shut |= BIT.automation_off;
  if (!hasDelivery) shut |= BIT.no_delivery_method;
  if (ground.requireSchedule && !body.schedule) shut |= BIT.schedule_missing;
  contract.link(client, {
    limits: limitsOf('contract', contract.id, body.caps, client.zone, (amount) => minorOf(ground, amount)),
    groupLimits: contract.group === null ? [] : links.groupLimits.get(contract.group) ?? [],
    orders: ordersOf(links.orders.get(contract.id), client.zone, ground), opening: openingOf(body, client.zone), shut, hasDelivery,
  });
}

/** First started, first used. */
function ordersOf(items: Map<string, ConfigItem> | undefined, zone: string, ground: Ground): OrderTerms[] {
  const orders = [...(items?.values() ?? [])].flatMap((item) =>
    (item.body === null ? [] : orderTerms(item.body as Order, item.entry, zone, ground)));
  return orders.sort((a, b) => a.start - b.start || a.entry - b.entry);
}
