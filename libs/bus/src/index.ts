export { Bus, PARTITIONS, type Batch, type Consumer, type Lag, type ParkedEvent, type PartitionOwner, type Subscription } from './bus.js';
