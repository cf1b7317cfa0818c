import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One change of a tenant's configuration. */
@Entity({ schema: 'workflow', name: 'versions' })
export class ConfigurationVersion {
  @PrimaryColumn({ name: 'tenant_id', type: 'text' }) tenantId!: string;
  @PrimaryColumn({ type: 'int' }) version!: number;
  @Column({ name: 'applied_at', type: 'timestamptz' }) appliedAt!: Date;
  /** The admin key that made it. */
  @Column({ type: 'text' }) actor!: string;
  @Column({ type: 'int' }) added!: number;
  @Column({ type: 'int' }) changed!: number;
  @Column({ type: 'int' }) removed!: number;
}
