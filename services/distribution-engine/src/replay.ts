/**
 * Snapshot + journal + log → the same attempts, to the byte. The journal says which records each batch read, in which order between
 * topics, and at which instant; the decision itself is the one that ran.
 */
import type { Heard } from '@sluice/events';
import type { AttemptRow, CountedRow, StoredLead } from './changes.js';
import type { PartitionMemory } from './memory.js';
import { pastOf } from './past.js';
import type { Tools } from './run.js';
import { step } from './step.js';

/** A line of the journal with the records it names, those that were parked left out. */
export interface JournaledBatch {
  readonly batchNo: number;
  readonly topic: string;
  readonly now: number;
  readonly events: readonly Heard[];
  readonly counted?: readonly CountedRow[];
}

/** Decides a batch again and moves memory and leads behind it; throws where the journal does not go on from the memory. */
export function replayBatch(memory: PartitionMemory, leads: Map<string, StoredLead>, batch: JournaledBatch,
  tools: Tools): readonly AttemptRow[] {
  if (batch.batchNo !== memory.batchNo + 1) throw new RangeError(`the journal goes from batch ${memory.batchNo} to ${batch.batchNo}`);
  const changes = step(memory, batch, (key) => leads.get(key), batch.now, tools, pastOf(batch.counted ?? []));
  for (const [key, lead] of changes.leads) leads.set(key, lead);
  return changes.attempts;
}
