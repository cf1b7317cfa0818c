import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database } from '@sluice/db';
import { Clock } from '@sluice/runtime';
import { Vault } from './vault.service.js';

/** Refuses to start under another master key than the one the database was sealed with: what it wrote then, nobody could open later. */
@Injectable()
export class MasterKeyCheck implements OnModuleInit {
  constructor(private readonly database: Database, private readonly vault: Vault, private readonly clock: Clock) {}

  async onModuleInit(): Promise<void> {
    const known = await this.database.transaction({ service: 'intake', tenants: [] }, async (tx) => {
      await tx.query(`
        INSERT INTO intake.master_keys (key_id, first_used_at) SELECT $1, $2
        WHERE NOT EXISTS (SELECT 1 FROM intake.master_keys) ON CONFLICT DO NOTHING`, [this.vault.keyId, new Date(this.clock.now())]);
      return tx.query<{ key_id: string }>(`SELECT key_id FROM intake.master_keys`);
    });
    if (known.some((row) => row.key_id === this.vault.keyId)) return;
    throw new Error(`this database is sealed under master key ${known[0]?.key_id}, the one given is ${this.vault.keyId}: ` +
      'restore the file of SLUICE_MASTER_KEY_FILE, or the value of SLUICE_MASTER_KEY');
  }
}
