import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventsOf, type Subscription } from '@sluice/bus';
import { gatewayTopic, UserSeen } from '@sluice/events';
import { VirtualClock } from '@sluice/runtime';
import { bootGateway, type Booted } from './booted.suite.js';

const NINE = Date.parse('2026-03-02T09:00:00Z');
const clock = new VirtualClock(NINE);
let booted: Booted;
let ear: Subscription;
const said: { tenantId: string; userId: string; at: string }[] = [];

beforeAll(async () => {
  booted = await bootGateway(clock);
  ear = await booted.bus.subscribe({
    group: 'ear', service: 'gateway', topics: [gatewayTopic.name], types: [UserSeen.type],
    handle: async (batch, tx) => tx.afterCommit(() => said.push(...eventsOf(batch, UserSeen).map(({ data }) => data))),
  });
});

afterAll(async () => {
  await ear?.close();
  await booted?.stop();
});

async function heard(): Promise<string[]> {
  for (let tries = 0; tries < 400 && !(await booted.bus.lag('ear')).every(({ position, head }) => position >= head); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return said.splice(0).map(({ tenantId, userId, at }) => `${tenantId === booted.first.tenantId ? 'first' : 'second'} ${userId} ${at.slice(11, 19)}`).sort();
}

const seen = (tenant: 'first' | 'second', ...users: string[]) => (users.length === 1
  ? booted.call(booted[tenant].adminKey, 'POST', `/v1/users/${users[0]}/seen`)
  : booted.call(booted[tenant].adminKey, 'POST', '/v1/users:seen', { users }));

describe('presence', () => {
  it('is said at once, of each user of each tenant, once however often somebody calls within half a minute', async () => {
    for (let times = 0; times < 5; times++) expect((await seen('first', 'ann')).status).toBe(204);
    expect((await seen('first', 'ann', 'bob', 'bob', 'cy@x.example')).status).toBe(204);
    expect((await seen('second', 'ann')).status).toBe(204);
    expect(await heard()).toEqual(['first ann 09:00:00', 'first bob 09:00:00', 'first cy@x.example 09:00:00', 'second ann 09:00:00']);
  });

  it('is said again afterwards, so that a user who works on stays there', async () => {
    clock.moveTo(NINE + 29_000);
    await seen('first', 'ann');
    expect(await heard()).toEqual([]);
    clock.moveTo(NINE + 30_000);
    await seen('first', 'ann', 'bob');
    expect(await heard()).toEqual(['first ann 09:00:30', 'first bob 09:00:30']);
  });

  it('takes ids of users, and as many as one call may have', async () => {
    expect((await booted.call(booted.first.adminKey, 'POST', '/v1/users:seen', { users: [] })).status).toBe(422);
    expect((await booted.call(booted.first.adminKey, 'POST', '/v1/users:seen', { users: Array.from({ length: 1001 }, (_, n) => `u${n}`) })).status).toBe(422);
    expect((await seen('first', 'an%20n')).status).toBe(422);
    // No table can hold the first, and counters are packed with the others between them.
    for (const user of ['an\0n', 'an\u001en', 'an\u001fn', 'an\ud800n']) expect((await seen('first', user, 'bob')).status).toBe(422);
    expect((await booted.app.inject({ method: 'POST', url: '/v1/users/ann/seen' })).statusCode).toBe(401);
    expect(await heard()).toEqual([]);
  });
});
