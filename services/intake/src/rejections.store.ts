import { Injectable } from '@nestjs/common';
import { Database } from '@sluice/db';

export interface ShownRejection {
  readonly rejectionId: string;
  readonly source: string;
  readonly campaign: string | null;
  readonly receivedAt: Date;
  readonly reason: string;
  readonly errors: readonly { readonly pointer: string; readonly code: string }[];
  readonly duplicateOf: string | null;
}

export interface RejectionFilter {
  readonly source?: string | undefined;
  readonly campaign?: string | undefined;
  readonly reason?: string | undefined;
  readonly before: string | undefined;
  readonly limit: number;
}

@Injectable()
export class RejectionsStore {
  constructor(private readonly database: Database) {}

  /** The newest first, since ids are in the order of time. */
  async list(tenantId: string, filter: RejectionFilter): Promise<ShownRejection[]> {
    const rows = await this.database.transaction({ service: 'intake', tenants: [tenantId] }, (tx) => tx.query<Omit<ShownRejection, 'errors'> & { pointers: string[]; codes: string[] }>(`
      SELECT rejection_id AS "rejectionId", source_id AS source, campaign_id AS campaign, received_at AS "receivedAt", reason, pointers, codes,
        duplicate_of AS "duplicateOf"
      FROM intake.rejections
      WHERE tenant_id = $1 AND ($2::uuid IS NULL OR rejection_id < $2) AND ($3::text IS NULL OR source_id = $3)
        AND ($4::text IS NULL OR campaign_id = $4) AND ($5::text IS NULL OR reason = $5)
      ORDER BY rejection_id DESC LIMIT $6`,
    [tenantId, filter.before ?? null, filter.source ?? null, filter.campaign ?? null, filter.reason ?? null, filter.limit]));
    return rows.map(({ pointers, codes, ...row }) => ({ ...row, errors: pointers.map((pointer, at) => ({ pointer, code: codes[at] ?? '' })) }));
  }
}
