import { parseDeliveryMethod, type DeliveryMethod, type Template } from './delivery-method.js';
import type { SigningKey } from './webhook-signature.service.js';

/** Where a delivery method's leads go, ready for use. */
export interface Endpoint {
  readonly endpointId: string;
  readonly tenantId: string;
  readonly methodId: string;
  readonly revision: number;
  /** The newest document; undefined where it cannot be used. */
  readonly method: DeliveryMethod | undefined;
  /** Why nothing may be sent: `delivery_method_removed`, `delivery_method_disabled`, `delivery_method_invalid`, `endpoint_disabled`. */
  readonly closed: string | undefined;
  /** The keys that sign, the current one first. */
  readonly keys: readonly SigningKey[];
  /** When the second key stops signing, in ms. */
  readonly previousUntil: number;
}

export interface EndpointRow {
  readonly endpoint_id: string;
  readonly tenant_id: string;
  readonly method_id: string;
  readonly revision: number;
  readonly body: unknown;
  readonly removed: boolean;
  readonly disabled: boolean;
  readonly secret: Buffer;
  readonly previous_secret: Buffer | null;
  readonly previous_until: number | null;
}

/** `keys`: opened from the row's sealed secrets. */
export function endpointOf(row: EndpointRow, keys: readonly SigningKey[]): Endpoint {
  const parsed = parseDeliveryMethod(row.body);
  const method = parsed.kind === 'ok' ? parsed.method : undefined;
  return {
    endpointId: row.endpoint_id, tenantId: row.tenant_id, methodId: row.method_id, revision: row.revision, method,
    closed: closedBecause(row, method), keys, previousUntil: row.previous_until ?? 0,
  };
}

function closedBecause(row: EndpointRow, method: DeliveryMethod | undefined): string | undefined {
  if (row.removed) return 'delivery_method_removed';
  if (!method) return 'delivery_method_invalid';
  if (!method.enabled) return 'delivery_method_disabled';
  return row.disabled ? 'endpoint_disabled' : undefined;
}

export function templateOf(body: unknown): Template | undefined {
  const parsed = parseDeliveryMethod(body);
  return parsed.kind === 'ok' ? parsed.method.template : undefined;
}

/** Where the secret of an endpoint belongs: it opens nowhere else. */
export function secretPlace(tenantId: string, methodId: string): string {
  return `secret ${tenantId}/${methodId}`;
}
