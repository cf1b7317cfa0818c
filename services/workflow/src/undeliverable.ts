/**
 * What makes a sound document do nothing on a running platform: a contract without a delivery method gets no lead there, while a scenario
 * gives it one that accepts.
 */
import type { ConfigDocument, Finding } from '@sluice/distribution';

/** A warning for each contract that leads cannot be delivered to; one that is closed is meant to get none. */
export function undeliverable({ contracts = [], deliveryMethods = [] }: ConfigDocument): Finding[] {
  const off = new Set(deliveryMethods.filter(({ enabled }) => enabled === false).map(({ id }) => id));
  return contracts.flatMap(({ id, status, deliveryMethod }, place): Finding[] => {
    if (status === 'closed') return [];
    const why = deliveryMethod === undefined ? 'names no delivery method' : off.has(deliveryMethod) ? `has a delivery method, ${deliveryMethod}, that is off` : '';
    if (why === '') return [];
    return [{ level: 'warning', code: 'undeliverable', path: `contracts[${place}].deliveryMethod`,
      message: `${id} ${why}: every lead is refused with no_delivery_method.` }];
  });
}
