import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Who sends leads: a partner, a form, an import. */
@Entity({ schema: 'intake', name: 'sources' })
export class Source {
  @PrimaryColumn({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  @PrimaryColumn({ name: 'source_id', type: 'text' })
  sourceId!: string;

  @Column({ type: 'text' })
  name!: string;

  /** The campaign of a lead that names none. */
  @Column({ name: 'campaign_id', type: 'text', nullable: true })
  campaignId!: string | null;

  /** Whether leads come in that have no campaign, to be distributed by hand. */
  @Column({ name: 'without_campaign', type: 'boolean' })
  withoutCampaign!: boolean;

  @Column({ type: 'text', nullable: true })
  channel!: string | null;

  @Column({ name: 'list_id', type: 'text', nullable: true })
  listId!: string | null;

  @Column({ type: 'text' })
  status!: 'active' | 'paused';

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
