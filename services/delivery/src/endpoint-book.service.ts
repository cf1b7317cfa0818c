import { Injectable } from '@nestjs/common';
import type { Template } from './delivery-method.js';
import { endpointOf, secretPlace, templateOf, type Endpoint, type EndpointRow } from './endpoint.js';
import { Sealer } from './sealer.service.js';
import { keyOfSecret, type SigningKey } from './webhook-signature.service.js';
import { WorkStore, type ClaimedDelivery } from './work.store.js';

const ENDPOINTS_KEPT = 20_000;

/** Endpoints and templates as the claims name them: parsed once a revision, not once a lead. */
@Injectable()
export class EndpointBook {
  private readonly endpoints = new Map<string, Endpoint>();
  private readonly templates = new Map<string, Template | undefined>();

  constructor(private readonly store: WorkStore, private readonly sealer: Sealer) {}

  /** Reads what the claims need and is not known, in one transaction; none where all is known. */
  async load(claims: readonly ClaimedDelivery[]): Promise<void> {
    const stale = claims.filter((claim) => this.endpoints.get(claim.endpointId)?.revision !== claim.revision);
    const unknown = claims.filter((claim) => !this.templates.has(templateKey(claim.endpointId, claim.templateVersion)));
    if (stale.length === 0 && unknown.length === 0) return;
    const tenants = [...new Set([...stale, ...unknown].map((claim) => claim.tenantId))];
    await this.store.scoped(tenants, async (tx) => {
      const rows = await this.store.endpoints(tx, [...new Set(stale.map((claim) => claim.endpointId))]);
      if (this.endpoints.size + rows.length > ENDPOINTS_KEPT) this.endpoints.clear();
      for (const row of rows) this.endpoints.set(row.endpoint_id, endpointOf(row, this.keysOf(row)));
      const wanted = new Map(unknown.map((claim) => [templateKey(claim.endpointId, claim.templateVersion), claim]));
      if (this.templates.size + wanted.size > ENDPOINTS_KEPT) this.templates.clear();
      const keys = [...wanted.values()].map((claim) => ({ endpointId: claim.endpointId, version: claim.templateVersion }));
      const found = await this.store.templates(tx, keys);
      for (const { endpoint_id, version, body } of found) this.templates.set(templateKey(endpoint_id, version), templateOf(body));
    });
  }

  /** The endpoint of a claim; `load` must have been given the claim before. */
  endpoint(claim: ClaimedDelivery): Endpoint | undefined {
    return this.endpoints.get(claim.endpointId);
  }

  template(claim: ClaimedDelivery): Template | undefined {
    return this.templates.get(templateKey(claim.endpointId, claim.templateVersion));
  }

  private keysOf(row: EndpointRow): SigningKey[] {
    const place = secretPlace(row.tenant_id, row.method_id);
    const sealed = row.previous_secret ? [row.secret, row.previous_secret] : [row.secret];
    return sealed.map((secret) => keyOfSecret(this.sealer.open(place, secret)));
  }
}

function templateKey(endpointId: string, version: number): string {
  return `${endpointId}/${version}`;
}
