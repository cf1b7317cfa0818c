import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One piece of a tenant's configuration as it stands now. */
@Entity({ schema: 'workflow', name: 'items' })
export class ConfigurationItem {
  @PrimaryColumn({ name: 'tenant_id', type: 'text' }) tenantId!: string;
  @PrimaryColumn({ type: 'text' }) kind!: string;
  @PrimaryColumn({ type: 'text' }) id!: string;
  /** Place in the order of entry; it stays when the item is changed, and when it is removed and comes back. */
  @Column({ type: 'int' }) entry!: number;
  /** null: removed. */
  @Column({ type: 'json', nullable: true }) body!: Record<string, unknown> | null;
  /** The version that gave it this form. */
  @Column({ type: 'int' }) version!: number;
}
