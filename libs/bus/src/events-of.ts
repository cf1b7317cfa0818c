import type { EventDefinition, Heard } from '@sluice/events';
import type { Batch } from './bus.js';

/** The events of a batch that are of one definition, typed by it, in the order of the log. */
export function eventsOf<T>(batch: Pick<Batch, 'events'>, definition: EventDefinition<T>): Heard<T>[] {
  return batch.events.filter((event): event is Heard<T> => event.type === definition.type);
}
