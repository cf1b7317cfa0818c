import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Who did what with rights that matter. */
@Entity({ schema: 'gateway', name: 'audit_log' })
export class AuditEntry {
  @PrimaryColumn({ name: 'entry_id', type: 'bigint' }) entryId!: string;
  @Column({ name: 'tenant_id', type: 'text' }) tenantId!: string;
  @Column({ type: 'timestamptz' }) at!: Date;
  @Column({ type: 'text' }) actor!: string;
  @Column({ type: 'text' }) action!: string;
  @Column({ type: 'text' }) target!: string;
  /** JSON; of commands on leads: contracts, gates that were passed over, the reason. */
  @Column({ type: 'text', nullable: true }) detail!: string | null;
}
