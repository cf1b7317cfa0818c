import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '@sluice/db';

/** What lies between a place in a partition's past and the batch that is wanted. */
export interface Distance {
  readonly batches: number;
  readonly records: number;
}

/** A snapshot of a partition, and how many leads it holds. */
export interface SnapshotSize {
  readonly batchNo: number;
  readonly leads: number;
}

/** What must be known before a partition's past is decided again. */
@Injectable()
export class RebuildStore {
  constructor(private readonly database: Database) {}

  /** The last snapshot before a batch. */
  async snapshotBefore(partition: number, batchNo: number): Promise<SnapshotSize | undefined> {
    const [row] = await this.read((tx) => tx.query<{ batch_no: string; leads: number }>(
      `SELECT s.batch_no, (SELECT count(*)::int FROM engine.snapshot_rows r WHERE r.partition = s.partition AND r.batch_no = s.batch_no
          AND r.kind = 'lead') AS leads
         FROM engine.snapshots s WHERE s.partition = $1 AND s.batch_no < $2 ORDER BY s.batch_no DESC LIMIT 1`, [partition, batchNo]));
    return row && { batchNo: Number(row.batch_no), leads: row.leads };
  }

  /** Of the journal after one batch, up to and with another. */
  async distance(partition: number, after: number, upTo: number): Promise<Distance> {
    const [row] = await this.read((tx) => tx.query<{ batches: number; records: number }>(
      `SELECT count(*)::int AS batches, coalesce(sum(last_seq - first_seq + 1), 0)::float8 AS records FROM engine.journal
        WHERE partition = $1 AND batch_no > $2 AND batch_no <= $3`, [partition, after, upTo]));
    return row!;
  }

  private read<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'engine', tenants: [] }, work);
  }
}
