export { Bus, PARTITIONS, type Batch, type Consumer, type Lag, type ParkedEvent, type PartitionOwner, type Subscription } from './bus.js';
export { Hears, type HearsOptions } from './hears.js';
export { BusTransport } from './bus-transport.js';
export { eventsOf } from './events-of.js';
