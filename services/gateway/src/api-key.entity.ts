import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A key of an administrator; the key itself is shown once and kept nowhere. */
@Entity({ schema: 'gateway', name: 'api_keys' })
export class ApiKey {
  @PrimaryColumn({ name: 'key_id', type: 'text' }) keyId!: string;
  @Column({ name: 'tenant_id', type: 'text' }) tenantId!: string;
  @Column({ type: 'text' }) name!: string;
  /** SHA-256. A key has 256 random bits, so that no slow hash is needed. */
  @Column({ type: 'bytea' }) hash!: Buffer;
  @Column({ name: 'created_at', type: 'timestamptz' }) createdAt!: Date;
  @Column({ name: 'created_by', type: 'text' }) createdBy!: string;
  @Column({ name: 'revoked_at', type: 'timestamptz', nullable: true }) revokedAt!: Date | null;
  @Column({ name: 'revoked_by', type: 'text', nullable: true }) revokedBy!: string | null;
}
