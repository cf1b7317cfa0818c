import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Clock, Problem, type Principal } from '@sluice/runtime';
import { DeliverySettings } from './config.js';
import { secretPlace } from './endpoint.js';
import { resumed } from './endpoint-health.service.js';
import { EndpointsStore } from './endpoints.store.js';
import { Sealer } from './sealer.service.js';
import { newSecret } from './webhook-signature.service.js';

const HOUR_MS = 3_600_000;

/** Secrets are born here and leave once: to the person who passes them to the client. */
@Injectable()
export class EndpointSecrets {
  constructor(
    private readonly store: EndpointsStore, private readonly sealer: Sealer, private readonly bus: Bus, private readonly clock: Clock,
    private readonly settings: DeliverySettings,
  ) {}

  /** Shows the secret that nobody has seen yet; Problem where it was shown before. */
  async reveal({ tenantId }: Principal, methodId: string) {
    return this.store.inTenant(tenantId, async (tx) => {
      const row = await this.store.lockSecret(tx, tenantId, methodId);
      if (!row) throw notFound(methodId);
      if (row.shown) {
        throw new Problem(409, 'secret_already_shown', 'A secret is shown once. Send {"rotate": true} for a new one; the old one signs on for a while.');
      }
      await this.store.noteShown(tx, row.endpointId, this.clock.now());
      return { deliveryMethod: methodId, secret: this.sealer.open(secretPlace(tenantId, methodId), row.secret), previousUntil: null };
    });
  }

  /** A new secret; requests carry both signatures until the old one's time is up, so that the client can change over at leisure. */
  async rotate({ tenantId }: Principal, methodId: string) {
    return this.store.inTenant(tenantId, async (tx) => {
      const row = await this.store.lockSecret(tx, tenantId, methodId);
      if (!row) throw notFound(methodId);
      const now = this.clock.now();
      const secret = newSecret();
      const previousUntil = now + this.settings.value.DELIVERY_SECRET_OVERLAP_HOURS * HOUR_MS;
      await this.store.rotate(tx, row.endpointId, this.sealer.seal(secretPlace(tenantId, methodId), secret), now, previousUntil);
      if (row.disabled) this.bus.append(tx, [resumed({ tenantId, methodId }, now)]);
      return { deliveryMethod: methodId, secret, previousUntil: new Date(previousUntil) };
    });
  }

  async health({ tenantId }: Principal, methodId: string) {
    const health = await this.store.inTenant(tenantId, (tx) => this.store.health(tx, tenantId, methodId));
    if (!health) throw notFound(methodId);
    return health;
  }
}

function notFound(methodId: string): Problem {
  return new Problem(404, 'not_found', `There is no delivery method "${methodId}".`);
}
