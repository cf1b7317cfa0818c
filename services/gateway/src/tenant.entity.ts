import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A business that uses the installation. Everything else belongs to one of them. */
@Entity({ schema: 'gateway', name: 'tenants' })
export class Tenant {
  @PrimaryColumn({ name: 'tenant_id', type: 'text' }) tenantId!: string;
  @Column({ type: 'text' }) name!: string;
  @Column({ name: 'created_at', type: 'timestamptz' }) createdAt!: Date;
}
