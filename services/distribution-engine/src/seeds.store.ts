import { createHmac, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '@sluice/db';
import type { Seed } from '@sluice/distribution';

/**
 * Chance that can be proven: HMAC(secret of the tenant, text) → [0, 1). The secret of the installation is given, or made once and kept
 * in the database, so that every member that may own a partition draws the same.
 */
@Injectable()
export class SeedsStore {
  private readonly seeds = new Map<string, Seed>();
  private secret: string | undefined;

  constructor(private readonly database: Database) {}

  /** To be awaited before `of` is asked. */
  async open(given?: string): Promise<void> {
    this.secret = given ?? await this.database.transaction({ service: 'engine', tenants: [] }, async (tx) => {
      await tx.query(`INSERT INTO engine.settings (key, value) VALUES ('seed-secret', $1) ON CONFLICT (key) DO NOTHING`,
        [randomBytes(32).toString('base64')]);
      const [row] = await tx.query<{ value: string }>(`SELECT value FROM engine.settings WHERE key = 'seed-secret'`);
      return row!.value;
    });
  }

  of(tenantId: string): Seed {
    let seed = this.seeds.get(tenantId);
    if (!seed) this.seeds.set(tenantId, (seed = this.make(tenantId)));
    return seed;
  }

  private make(tenantId: string): Seed {
    if (this.secret === undefined) throw new Error('the seed secret is not open yet');
    const key = createHmac('sha256', this.secret).update(tenantId).digest();
    // 48 bits, exact as a double.
    return (text) => createHmac('sha256', key).update(text).digest().readUIntBE(0, 6) / 2 ** 48;
  }
}
