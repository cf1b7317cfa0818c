import type { OutboundLeadReserved } from '@sluice/events';

/** A reservation with what this service makes of it, ready to be stored. */
export interface NewDelivery {
  readonly reservation: OutboundLeadReserved;
  readonly traceparent: string | undefined;
  readonly webhookId: string;
  readonly endpointId: string | undefined;
  readonly templateVersion: number | undefined;
  readonly state: 'pending' | 'accepted' | 'failed';
  readonly reason: string | undefined;
}

/** The delivery method of a reservation, as the configuration knows it. */
export interface KnownMethod {
  readonly endpointId: string;
  /** The newest version of its document that is not newer than the decision. */
  readonly templateVersion: number;
}

/**
 * Pure: what becomes of a reservation. Without a method the contract's leads are taken as given; a method that nobody knows cannot be
 * used.
 */
export function newDelivery(
  reservation: OutboundLeadReserved, traceparent: string | undefined, webhookId: string, method: KnownMethod | undefined,
): NewDelivery {
  const common = { reservation, traceparent, webhookId, endpointId: method?.endpointId, templateVersion: method?.templateVersion };
  if (!reservation.deliveryMethodId) return { ...common, state: 'accepted', reason: undefined };
  if (!method) return { ...common, state: 'failed', reason: 'delivery_method_missing' };
  return { ...common, state: 'pending', reason: undefined };
}
