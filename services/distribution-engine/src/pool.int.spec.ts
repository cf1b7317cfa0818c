import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VirtualClock } from '@sluice/runtime';
import { openApi, type Api } from './api.suite.js';
import { aConfiguration, aDocument, aLead, aRequest, NOON } from './builders.suite.js';
import { poolStatement } from './pool.store.js';
import { openRig, type Rig } from './rig.suite.js';

const minute = (count: number) => new Date(NOON + count * 60_000).toISOString();
let rig: Rig;
let api: Api;
beforeAll(async () => {
  rig = await openRig();
  api = await openApi(rig.url, { clock: new VirtualClock(NOON) });
  const document = aDocument({
    clients: [{ id: 'acme' }, { id: 'bolt', creditLimit: '25.00' }, { id: 'cole', status: 'paused' }],
    contracts: [
      { id: 'acme-ny', client: 'acme', price: '25.00', caps: { day: 1 }, maxShareCount: 1, deliveryMethod: 'hook' },
      { id: 'acme-cheap', client: 'acme', price: '4.00', caps: { total: 0 }, duplicates: { lookBack: 'P30D' }, deliveryMethod: 'hook' } as never,
      { id: 'bolt-all', client: 'bolt', price: '10.00', deliveryMethod: 'hook', criteria: { field: 'state', op: 'equals', value: 'ME' } },
      { id: 'cole-all', client: 'cole', price: '50.00', deliveryMethod: 'hook' },
    ],
  });
  await rig.say(['north', 'south'].flatMap((tenantId) => aConfiguration(tenantId, 1, document)));
  await rig.say([
    aLead('north', 'sold', { receivedAt: minute(0), attributes: { state: 'NY', rooms: 3 }, phoneHash: 'p', emailHash: 'e' }),
    aLead('north', 'free', { receivedAt: minute(1), attributes: { state: ' ny ' } }),
    aLead('north', 'bound', { receivedAt: minute(2), attributes: { state: 'CA' }, consent: ['bolt'] }),
    aLead('north', 'loose', { receivedAt: minute(3), campaignId: '', attributes: { state: 'CA' } }),
    aLead('south', 'theirs', { receivedAt: minute(4) }),
  ]);
  await rig.settled('engine');
});
afterAll(async () => {
  await api?.close();
  await rig?.close();
});

const pool = async (query: string, key?: string) => (await api.get(`/v1/pool?${query}`, key)).body.data as {
  leadId: string; campaignId: string | null; buyers: number; attributes: object; offers: { contractId: string; priceMinor: string }[];
}[];
const ids = async (query: string, key?: string) => (await pool(query, key)).map(({ leadId }) => leadId);

describe('the pool of a client', () => {
  it('has what the client may take, newest first, whatever caps, criteria and share counts say of distribution', async () => {
    expect(await ids('client=acme')).toEqual(['loose', 'free']);
    expect(await ids('client=bolt')).toEqual(['loose', 'bound', 'free', 'sold']);
    expect(await ids('client=cole')).toEqual([]);
    const [loose, , , sold] = await pool('client=bolt');
    expect(loose).toMatchObject({ campaignId: null, buyers: 0, offers: [{ contractId: 'bolt-all', priceMinor: '1000' }] });
    expect(sold).toEqual({ leadId: 'sold', campaignId: 'solar', receivedAt: minute(0), buyers: 1, attributes: { state: 'NY', rooms: 3 },
      offers: [{ contractId: 'bolt-all', clientId: 'bolt', priceMinor: '1000', currency: 'USD' }] });
  });

  it('offers each contract of the client at its price, or the one that is asked for', async () => {
    const [loose] = await pool('client=acme');
    expect(loose!.offers.map(({ contractId, priceMinor }) => [contractId, priceMinor])).toEqual([['acme-ny', '2500'], ['acme-cheap', '400']]);
    expect((await pool('contract=acme-cheap'))[0]!.offers).toMatchObject([{ contractId: 'acme-cheap' }]);
  });

  it.each<[query: string, leads: string[]]>([
    ['campaign=solar', ['bound', 'free', 'sold']],
    ['campaign=', ['loose']],
    [`from=${minute(1)}&to=${minute(3)}`, ['bound', 'free']],
    ['sold=any', ['sold']],
    ['sold=none', ['loose', 'bound', 'free']],
    ['attributes.state=NY', ['free', 'sold']],
    ['attributes.state=ny&attributes.rooms=3', ['sold']],
    ['attributes.color=red', []],
  ])('filters: %s', async (query, expected) => {
    expect(await ids(`client=bolt&${query}`)).toEqual(expected);
  });

  it('pages by cursor', async () => {
    const seen: unknown[] = [];
    for (let cursor = ''; ;) {
      const { body } = await api.get(`/v1/pool?client=bolt&limit=1${cursor}`);
      seen.push(...body.data.map(({ leadId }) => leadId));
      if (body.nextCursor === null) break;
      cursor = `&cursor=${body.nextCursor}`;
    }
    expect(seen).toEqual(['loose', 'bound', 'free', 'sold']);
  });

  it('is exported whole, as CSV and as NDJSON', async () => {
    const csv = await api.get('/v1/pool?client=bolt&limit=1&format=csv');
    expect(csv.text.split('\r\n').slice(0, 2)).toEqual(['leadId,campaignId,receivedAt,buyers,contracts,pricesMinor,attributes',
      `loose,,${minute(3)},0,bolt-all,1000,"{""state"":""CA""}"`]);
    expect(csv.text.trimEnd().split('\r\n')).toHaveLength(5);
    const ndjson = await api.get('/v1/pool?client=bolt&sold=any', 'north', 'application/x-ndjson');
    expect(ndjson.text.trimEnd().split('\n').map((line) => (JSON.parse(line) as { leadId: string }).leadId)).toEqual(['sold']);
  });

  it('is nobody\'s where it names nobody, and no other tenant\'s', async () => {
    expect((await api.get('/v1/pool')).status).toBe(400);
    expect((await api.get('/v1/pool?client=nobody')).status).toBe(404);
    expect((await api.get('/v1/pool?client=acme&contract=bolt-all')).status).toBe(404);
    expect((await api.get('/v1/pool?client=bolt&state=NY')).body['code']).toBe('unknown_filter');
    expect(await ids('client=bolt', 'south')).toEqual(['theirs']);
  });

  it('lists what can be taken, and no longer what was', async () => {
    for (const lead of await ids('client=bolt')) {
      const listed = (await ids('client=bolt')).includes(lead);
      await rig.say([aRequest('north', lead, { contractIds: ['bolt-all'], trigger: 'cherryPick' })]);
      await rig.settled('engine');
      const [attempt] = (await api.get(`/v1/attempts?lead=${lead}&trigger=cherryPick`)).body.data;
      // Credit is for two: after them the pool is empty, and a third is refused.
      expect([lead, attempt!['outcome'] === 'distributed']).toEqual([lead, listed]);
    }
    expect(await ids('client=bolt')).toEqual([]);
    expect((await api.get('/v1/attempts?contract=bolt-all')).body.data).toHaveLength(2);
  });
});

describe('a pool of many', () => {
  it('is read from the newest by an index, and a search for what is rare ends somewhere', async () => {
    await rig.rows(`INSERT INTO engine.leads (tenant_id, lead_id, received_at, lead, life, attempts, window_generation)
      SELECT 'south', 'B' || lpad(n::text, 6, '0'), n, json_build_object('leadId', 'B' || lpad(n::text, 6, '0'), 'tenantId', 'south',
        'campaignId', 'solar', 'receivedAt', n, 'attributes', json_build_object('state', CASE n WHEN 3 THEN 'HI' ELSE 'NY' END))::text,
        '{"picks":[],"rounds":0,"minimumsMet":false,"rulesMet":[],"counted":[]}', '[]', 0 FROM generate_series(1, 50000) n`);
    await rig.rows('ANALYZE engine.leads');
    const plan = await rig.database.transaction({ service: 'engine', tenants: ['south'] }, (tx) => {
      const { text, values } = poolStatement('south', { attributes: { state: 'NY' }, campaign: 'solar' }, [40_000, 'B'], 200, 20_000);
      return tx.query<{ 'QUERY PLAN': string }>(`EXPLAIN (ANALYZE) ${text}`, values);
    });
    const lines = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(lines).toMatch(/Index Scan Backward using leads_by_arrival .*actual.* rows=200/);
    expect(lines).not.toMatch(/Seq Scan|Sort/);
    let pages = 0;
    for (let cursor = ''; ; pages++) {
      const { body } = await api.get(`/v1/pool?contract=acme-ny&attributes.state=HI${cursor}`, 'south');
      if (body.data.length > 0) { expect(body.data[0]!['leadId']).toBe('B000003'); break; }
      cursor = `&cursor=${body.nextCursor}`;
    }
    expect(pages).toBeLessThan(2);
  });
});
