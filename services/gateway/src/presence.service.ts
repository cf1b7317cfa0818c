import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Database } from '@sluice/db';
import { UserSeen } from '@sluice/events';
import { uuid7 } from '@sluice/kernel';
import { Clock, KeyValue, traceparentOf } from '@sluice/runtime';

/** A user who clicks about all day is said this often at most. Presence counts in minutes, so that half of one never matters. */
const APART_MS = 30_000;

/** Presence of users: said as events, a few a minute at most however often somebody calls. */
@Injectable()
export class PresenceService {
  constructor(
    private readonly database: Database, private readonly bus: Bus, private readonly clock: Clock, private readonly recent: KeyValue,
  ) {}

  /** Says that users are there now. Durable when it answers. */
  async seen(tenantId: string, userIds: readonly string[]): Promise<void> {
    const now = this.clock.now();
    const users = [...new Set(userIds)];
    // At once: the store may be a round trip away, and a call may name a thousand.
    const said = await Promise.all(users.map((userId) => this.wasSaid(tenantId, userId)));
    const unsaid = users.filter((_, place) => !said[place]);
    if (unsaid.length === 0) return;
    await this.database.transaction({ service: 'gateway', tenants: [tenantId] }, async (tx) => this.bus.append(tx, unsaid.map((userId) =>
      UserSeen.make({ tenantId, userId, at: new Date(now).toISOString() },
        { id: uuid7(now, randomBytes(10)), time: now, traceparent: traceparentOf() }))));
    // Noted after the commit: noted before, a user whose event was lost would be away for half a minute.
    await Promise.all(unsaid.map((userId) => this.recent.set(keyOf(tenantId, userId), '1', APART_MS).catch(() => undefined)));
  }

  /** Where the store of recent ones is empty or away, an event more is said; it changes nothing. */
  private async wasSaid(tenantId: string, userId: string): Promise<boolean> {
    return (await this.recent.get(keyOf(tenantId, userId)).catch(() => undefined)) !== undefined;
  }
}

function keyOf(tenantId: string, userId: string): string {
  return `seen/${tenantId}/${userId}`;
}
