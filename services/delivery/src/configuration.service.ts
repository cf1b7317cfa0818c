import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import type { Tx } from '@sluice/db';
import { DeliveryConfigured, type ConfigurationChanged, type Heard } from '@sluice/events';
import { Clock, Log } from '@sluice/runtime';
import { ConfigurationStore, type ConfigurationItem } from './configuration.store.js';
import { parseDeliveryMethod } from './delivery-method.js';
import { secretPlace } from './endpoint.js';
import { resumed } from './endpoint-health.service.js';
import { eventIdOf } from './event-id.service.js';
import { ReservationsService } from './reservations.service.js';
import { ReservationsStore } from './reservations.store.js';
import { Sealer } from './sealer.service.js';
import { newSecret } from './webhook-signature.service.js';

/** Takes in configuration versions, whole ones alone, and says so; begins what waited for them. */
@Injectable()
export class ConfigurationService {
  private readonly store = new ConfigurationStore();

  constructor(
    private readonly bus: Bus, private readonly clock: Clock, private readonly log: Log, private readonly sealer: Sealer,
    private readonly reservations: ReservationsService,
  ) {}

  async take(tx: Tx, events: readonly Heard<ConfigurationChanged>[]): Promise<void> {
    if (events.length === 0) return;
    await this.store.addParts(tx, events.map(({ data }) => data));
    const waiting = new ReservationsStore();
    await waiting.lockConfiguration(tx, [...new Set(events.map(({ data }) => data.tenantId))]);
    for (const tenantId of new Set(events.map(({ data }) => data.tenantId))) {
      let current = await this.store.current(tx, tenantId);
      for (const { version, items } of await this.store.wholeVersions(tx, tenantId)) {
        // A version that is said again, as after a reset, is as good as taken.
        if (version > current) await this.apply(tx, tenantId, version, items);
        current = Math.max(current, version);
        this.bus.append(tx, [configured(tenantId, version, this.clock.now())]);
      }
      await this.store.dropParts(tx, tenantId, current);
    }
  }

  private async apply(tx: Tx, tenantId: string, version: number, items: readonly ConfigurationItem[]): Promise<void> {
    const ours = items.filter((item) => item.kind === 'deliveryMethod' && item.id);
    const kept = new Map(ours.filter((item) => !item.removed).map((item) => [item.id ?? '', item.body ?? {}]));
    const known = await this.store.known(tx, tenantId);
    const methods = [...kept].map(([methodId, body]) => {
      const parsed = parseDeliveryMethod(body);
      // It is kept all the same: its deliveries fail and say why, and the next version may mend it.
      if (parsed.kind === 'invalid') this.log.warn({ tenantId, deliveryMethodId: methodId, fault: parsed.fault }, 'a delivery method cannot be used');
      const sealedSecret = known.has(methodId) ? Buffer.alloc(0) : this.sealer.seal(secretPlace(tenantId, methodId), newSecret());
      return { methodId, body, sealedSecret };
    });
    const before = await this.store.disabled(tx, tenantId);
    await this.store.apply(tx, tenantId, version, methods, ours.filter((item) => item.removed).map((item) => item.id ?? ''));
    const still = new Set(before.length === 0 ? [] : await this.store.disabled(tx, tenantId));
    const now = this.clock.now();
    const back = before.filter((methodId) => !still.has(methodId) && kept.has(methodId));
    this.bus.append(tx, back.map((methodId) => resumed({ tenantId, methodId }, now)));
    await this.reservations.begin(tx, await new ReservationsStore().stopWaiting(tx, tenantId, version));
  }
}

function configured(tenantId: string, version: number, now: number) {
  const id = eventIdOf(`delivery configured ${tenantId} ${version}`);
  return DeliveryConfigured.make({ tenantId, version }, { id, time: now });
}
