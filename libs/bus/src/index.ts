export { Bus, PARTITIONS, type Batch, type Consumer, type Lag, type ParkedEvent, type PartitionOwner, type Subscription } from './bus.js';
export { Hears, type HearsOptions } from './hears.js';
export { BusTransport } from './bus-transport.js';
export { eventsOf } from './events-of.js';
export { BelowRetained, LogGap, StaleReader } from './failures.js';
export { busMigrations } from './migrations/index.js';
export { PostgresBus, type LogBusOptions } from './postgres-bus.js';
export { KafkaBus, type KafkaBusOptions } from './kafka-bus.js';
export { Relay, type RelayOptions } from './relay.js';
