/** Snapshot + journal + log against what stands in the tables. */
import { expect } from '@jest/globals';
import type { AttemptRow } from './changes.js';
import type { Rig } from './rig.suite.js';
import type { SnapshotService } from './snapshot.service.js';
import type { SnapshotLabel } from './snapshot.store.js';

/** Decides again what was decided since a snapshot, which must be the same to the byte; how many attempts that were. */
export async function mustReplay(rig: Rig, snapshots: SnapshotService, { partition, batchNo }: SnapshotLabel): Promise<number> {
  const again: AttemptRow[] = [];
  for await (const attempt of snapshots.replay(partition)) again.push(attempt);
  const stored = await rig.rows<{ at: string; actor: string | null; campaignId: string | null; workflowId: string | null }>(
    `SELECT a.tenant_id AS "tenantId", attempt_id AS "attemptId", lead_id AS "leadId", at, trigger, version, outcome, receipt, actor,
            campaign_id AS "campaignId", workflow_id AS "workflowId"
       FROM engine.attempts a JOIN engine.tenants t ON t.tenant_id = a.tenant_id AND t.partition = $1
      WHERE attempt_id > $2 ORDER BY attempt_id`, [partition, lastIdOf(partition, batchNo)]);
  const rows = stored.map(({ at, actor, campaignId, workflowId, ...row }) => ({
    ...row, at: Number(at), actor: actor ?? undefined, campaignId: campaignId ?? undefined, workflowId: workflowId ?? undefined,
  }));
  expect(again).toEqual(rows);
  return again.length;
}

/** The last id that a batch can have made. */
function lastIdOf(partition: number, batchNo: number): string {
  const batch = batchNo.toString(16).padStart(11, '0');
  return `${partition.toString(16).padStart(4, '0')}${batch.slice(0, 4)}-${batch.slice(4, 8)}-8${batch.slice(8)}-8000-ffffffffffff`;
}
