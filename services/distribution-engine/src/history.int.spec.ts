import 'reflect-metadata';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { HistoryLine } from '@sluice/distribution';
import { VirtualClock } from '@sluice/runtime';
import { openApi, type Api } from './api.suite.js';
import { aConfiguration, aDocument, aLead, aRequest, NOON } from './builders.suite.js';
import { HistoryStore } from './history.store.js';
import { openRig, type Rig } from './rig.suite.js';

let rig: Rig;
let api: Api;
const received = (minute: number) => ({ receivedAt: new Date(NOON + minute * 60_000).toISOString() });
beforeAll(async () => {
  rig = await openRig();
  const clock = new VirtualClock(NOON);
  api = await openApi(rig.url, { clock });
  await rig.say(['north', 'south'].flatMap((tenantId) => aConfiguration(tenantId, 1, aDocument())));
  await rig.settled('engine');
  // The first is turned down by acme and taken by bolt; of the second nobody answers; the third came first.
  const answers: Record<string, 'accepted' | 'rejected' | 'unresolved'> = { 'A/acme-ny': 'rejected', 'A/bolt-all': 'accepted',
    'B/acme-ny': 'unresolved' };
  await rig.receive(({ leadId, contractId }) => answers[`${leadId}/${contractId}`]);
  clock.moveTo(NOON + 10_000);
  await rig.say([aLead('north', 'A', received(1)), aLead('north', 'B', received(2)), aLead('north', 'C', received(0)),
    aLead('south', 'A', received(1))]);
  await rig.settled('engine', 'delivery');
  clock.moveTo(NOON + 20_000);
  await rig.say([aRequest('north', 'B', { contractIds: ['bolt-all'], overrides: ['share_count'] } as never)]);
  await rig.settled('engine', 'delivery');
});
afterAll(async () => {
  await api?.close();
  await rig?.close();
});

async function linesOf(query = '', key = 'north'): Promise<HistoryLine[]> {
  const { text, status, type } = await api.get(`/v1/history${query}`, key);
  expect([status, type]).toEqual([200, 'application/x-ndjson']);
  return text.trimEnd().split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as HistoryLine);
}

it('tells what became of every lead, in order of arrival', async () => {
  const [c, a, b] = await linesOf();
  expect(a).toEqual({
    lead: { leadId: 'A', tenantId: 'north', campaignId: 'solar', sourceId: 'web', receivedAt: NOON + 60_000, attributes: { state: 'NY' } },
    attempts: [{ at: NOON + 10_000, trigger: 'arrival', outcome: 'distributed' },
      { at: NOON + 10_000, trigger: 'fallback', outcome: 'distributed' }],
    picks: [
      { contractId: 'acme-ny', clientId: 'acme', priceMinor: '2500', rule: 'w/r0', state: 'rejected', at: NOON + 10_000,
        settledAt: NOON + 10_000 },
      { contractId: 'bolt-all', clientId: 'bolt', priceMinor: '1000', rule: 'w/r0', state: 'accepted', at: NOON + 10_000,
        settledAt: NOON + 10_000 },
    ],
  });
  expect(c).toMatchObject({ lead: { leadId: 'C' }, picks: [{ state: 'reserved' }] });
  expect(c!.picks[0]).not.toHaveProperty('settledAt');
  expect(b).toMatchObject({ lead: { leadId: 'B' }, picks: [{ state: 'unresolved' }],
    attempts: [{ trigger: 'arrival' }, { trigger: 'manual', actor: 'ann', at: NOON + 20_000, outcome: 'share_count' }] });
});

it('keeps to the stretch of time, and to the tenant', async () => {
  const ids = async (query: string, key?: string) => (await linesOf(query, key)).map(({ lead }) => lead.leadId);
  const [first, second] = [1, 2].map((minute) => encodeURIComponent(received(minute).receivedAt));
  expect(await ids(`?from=${first}`)).toEqual(['A', 'B']);
  expect(await ids(`?to=${second}`)).toEqual(['C', 'A']);
  expect(await ids(`?from=${first}&to=${second}`)).toEqual(['A']);
  expect(await ids('?campaign=other')).toEqual([]);
  expect(await ids('', 'south')).toEqual(['A']);
  expect(await ids('', 'nobody')).toEqual([]);
});

it('reads many page by page, each lead once, and no further than somebody takes', async () => {
  await rig.rows(`INSERT INTO engine.leads (tenant_id, lead_id, received_at, lead, life, attempts, window_generation)
    SELECT 'big', 'L' || n, n / 700, json_build_object('leadId', 'L' || n, 'receivedAt', n / 700), '{"picks":[]}', '[]', 0
      FROM generate_series(1, 20000) n`);
  await rig.rows('ANALYZE engine.leads');
  const lines = await linesOf('', 'big');
  expect(new Set(lines.map(({ lead }) => lead.leadId)).size).toBe(20_000);
  expect(lines).toHaveLength(20_000);
  expect(lines.map(({ lead }) => lead.receivedAt)).toEqual(lines.map(({ lead }) => lead.receivedAt).sort((x, y) => x - y));
  const pages = new HistoryStore(rig.database).pages('big', {});
  expect((await pages.next()).value).toHaveLength(500);
  await pages.return(undefined);
  const plan = await rig.database.transaction({ service: 'engine', tenants: ['big'] }, (tx) => tx.query<{ 'QUERY PLAN': string }>(
    `EXPLAIN SELECT lead FROM engine.leads WHERE tenant_id = 'big' AND (received_at, lead_id) > (5::bigint, 'L') AND received_at < 20::bigint
      ORDER BY received_at, lead_id LIMIT 500`));
  const text = plan.map((row) => row['QUERY PLAN']).join('\n');
  expect(text).toContain('Index Scan using leads_by_arrival');
  expect(text).not.toContain('Sort');
});
