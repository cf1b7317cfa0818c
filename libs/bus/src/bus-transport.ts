import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Bus, Consumer, Subscription } from './bus.js';
import { BUS_TRANSPORT, type HearsExtras } from './hears.js';

/**
 * Nest's way to the log: subscribes one consumer for each method that carries `@Hears`, and hands it whole batches. One transport serves
 * the whole process, since every strategy gets every handler. Nest closes it before the modules are destroyed, at the end of the running
 * batches.
 */
export class BusTransport extends Server implements CustomTransportStrategy {
  override readonly transportId = BUS_TRANSPORT;
  /** Errors go to the driver, which retries and parks; Nest must not log them as unhandled. */
  override readonly propagatesEventHandlerErrors = true;
  private subscriptions: Subscription[] = [];

  constructor(private readonly bus: Bus) {
    super();
  }

  override listen(callback: (error?: unknown) => void): void {
    this.subscribeAll().then(() => callback(), callback);
  }

  override async close(): Promise<void> {
    const open = this.subscriptions;
    this.subscriptions = [];
    await Promise.all(open.map((subscription) => subscription.close()));
  }

  override on(): never {
    throw new Error('the bus tells nothing of itself by events: see lag() and parked()');
  }

  override unwrap<T>(): T {
    return this.bus as T;
  }

  private async subscribeAll(): Promise<void> {
    for (const handler of this.messageHandlers.values()) this.subscriptions.push(await this.bus.subscribe(consumerOf(handler)));
  }
}

function consumerOf(handler: MessageHandler): Consumer {
  const { hears } = handler.extras as unknown as HearsExtras;
  // Nest chains the second method behind the first and runs both at once: the two would race in one transaction.
  if (handler.next) throw new Error(`group "${hears.group}" has two methods with @Hears: let one hear all its events`);
  return {
    ...hears,
    service: hears.service ?? hears.group,
    async handle(batch, tx) {
      // Nest's own handleEvent does not wait; its answer may be a promise of an observable that fails.
      const answer: unknown = await handler(batch, tx);
      if (isObservable(answer)) await lastValueFrom(answer, { defaultValue: undefined });
    },
  };
}
