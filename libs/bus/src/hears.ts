import { applyDecorators, Catch, UseFilters, type RpcExceptionFilter } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { EventDefinition } from '@sluice/events';
import { throwError, type Observable } from 'rxjs';

/** The transport that consumers belong to: other strategies of the same process do not get their handlers. */
export const BUS_TRANSPORT = Symbol('sluice.bus');

/** What a consumer says of itself. */
export interface HearsOptions {
  /** The consumer group, named after the service. One method a group. */
  readonly group: string;
  /** Whose role the batch's transaction takes: `sluice_<service>`. The group's name unless set. */
  readonly service?: string;
  /** Most events of a batch; 500 unless set. */
  readonly batchMax?: number;
}

/** What `@Hears` leaves at the handler for the transport. */
export interface HearsExtras {
  readonly hears: HearsOptions & { readonly topics: readonly string[]; readonly types: readonly string[] };
}

/**
 * Nest's own filter turns every error into "Internal server error"; the driver must see the error itself, to tell poison from an outage.
 */
@Catch()
class Rethrow implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/**
 * Declares what a service listens to. The method gets whole batches of one topic and partition, in one transaction that also moves the
 * group's position: it returns (or resolves) when its work in `tx` is done, and throws to have everything rolled back.
 * What it throws is retried briefly, then event by event, then the event is parked under its subject.
 *
 * ```ts
 * @Controller()
 * export class DeliveryConsumer {
 *   constructor(private readonly deliveries: DeliveryStore) {}
 *
 *   @Hears('delivery', OutboundLeadReserved, OutboundLeadReleased)
 *   async hear(@Payload() batch: Batch, @Ctx() tx: Tx): Promise<void> {
 *     await this.deliveries.claim(tx, eventsOf(batch, OutboundLeadReserved));   // typed by the definition, in order
 *     await this.deliveries.release(tx, eventsOf(batch, OutboundLeadReleased));
 *   }
 * }
 * ```
 *
 * The composition root connects it: `app.connectMicroservice({ strategy: new BusTransport(bus) })`, then `app.startAllMicroservices()`.
 * One method a group. `Batch` and `Tx` are interfaces: import them with `import type`, since decorators keep metadata of values only.
 */
export function Hears(group: string | HearsOptions, ...events: readonly EventDefinition[]): MethodDecorator {
  const options = typeof group === 'string' ? { group } : group;
  const topics = [...new Set(events.map((event) => event.topic.name))];
  const extras: HearsExtras = { hears: { ...options, topics, types: events.map((event) => event.type) } };
  return applyDecorators(EventPattern<string>(`sluice.bus/${options.group}`, BUS_TRANSPORT, extras), UseFilters(Rethrow));
}
