import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VirtualClock } from '@sluice/runtime';
import { openApi, type Api } from './api.suite.js';
import { AttemptsStore, type AttemptFilter } from './attempts.store.js';
import { aConfiguration, aDocument, aLead, aRequest, NOON } from './builders.suite.js';
import { openRig, type Rig } from './rig.suite.js';

const MINUTE = 60_000;
let rig: Rig;
let api: Api;
beforeAll(async () => {
  rig = await openRig();
  const clock = new VirtualClock(NOON);
  api = await openApi(rig.url, { clock });
  await rig.say(['north', 'south'].flatMap((tenantId) => aConfiguration(tenantId, 1, aDocument({
    workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 2, rules: [{ method: 'price', take: 1 }] }],
    contracts: [
      { id: 'acme-ny', client: 'acme', price: '25.00', caps: { day: 2 }, deliveryMethod: 'hook',
        criteria: { field: 'state', op: 'equals', value: 'NY' } },
      { id: 'bolt-all', client: 'bolt', price: '10.00', deliveryMethod: 'hook', criteria: { field: 'state', op: 'notEquals', value: 'TX' } },
    ],
  }))));
  await rig.settled('engine');
  for (const [place, state] of ['NY', 'NY', 'NY', 'TX', 'CA'].entries()) {
    clock.moveTo(NOON + place * MINUTE);
    await rig.say([aLead('north', `L${place}`, { attributes: { state } }), ...(place === 0 ? [aLead('south', 'S0')] : [])]);
    await rig.settled('engine');
  }
  clock.moveTo(NOON + 9 * MINUTE);
  await rig.say([aRequest('north', 'L3', { contractIds: ['bolt-all'], overrides: ['criteria'], actor: 'ann', reason: 'promised' } as never)]);
  await rig.settled('engine');
});
afterAll(async () => {
  await api?.close();
  await rig?.close();
});

const leads = async (query: string, key?: string) => (await api.get(`/v1/attempts${query}`, key)).body.data.map(({ leadId }) => leadId);
const at = (minute: number) => encodeURIComponent(new Date(NOON + minute * MINUTE).toISOString());

describe('the history of distribution', () => {
  it('tells every attempt by the system or a user, the newest first', async () => {
    const { body } = await api.get('/v1/attempts');
    expect(body.data.map(({ leadId, trigger, outcome, reason }) => [leadId, trigger, outcome, reason])).toEqual([
      ['L3', 'manual', 'distributed', null], ['L4', 'arrival', 'distributed', null], ['L3', 'arrival', 'unsold', 'criteria'],
      ['L2', 'arrival', 'distributed', null], ['L1', 'arrival', 'distributed', null], ['L0', 'arrival', 'distributed', null],
    ]);
    expect(body.data[0]).toMatchObject({ actor: 'ann', givenReason: 'promised', configurationVersion: 1, campaignId: 'solar',
      at: new Date(NOON + 9 * MINUTE).toISOString(), picks: [{ contractId: 'bolt-all', priceMinor: '1000', overridden: ['criteria'] }] });
    expect(body.nextCursor).toBeNull();
    expect(await leads('?order=oldest&limit=2')).toEqual(['L0', 'L1']);
  });

  it.each<[query: string, leads: string[]]>([
    [`?from=${at(1)}&to=${at(3)}`, ['L2', 'L1']],
    [`?from=${at(4)}`, ['L3', 'L4']],
    [`?to=${at(1)}`, ['L0']],
    ['?from=2030-01-01', []],
    ['?trigger=manual', ['L3']],
    ['?by=user', ['L3']],
    ['?by=system', ['L4', 'L3', 'L2', 'L1', 'L0']],
    ['?actor=ann', ['L3']],
    ['?actor=bob', []],
    ['?outcome=unsold', ['L3']],
    ['?reason=criteria', ['L3']],
    ['?outcome=distributed&by=system', ['L4', 'L2', 'L1', 'L0']],
    ['?campaign=solar&lead=L3', ['L3', 'L3']],
    ['?campaign=other', []],
    ['?workflow=w&outcome=unsold', ['L3']],
    ['?contract=acme-ny', ['L1', 'L0']],
    ['?contract=bolt-all', ['L3', 'L4', 'L2']],
    [`?contract=bolt-all&from=${at(3)}`, ['L3', 'L4']],
    ['?client=bolt&by=system', ['L4', 'L2']],
    ['?client=bolt&contract=acme-ny', []],
    ['?lead=L3&contract=bolt-all', ['L3']],
    ['?lead=L1&client=bolt', []],
  ])('filters: %s', async (query, expected) => {
    expect(await leads(query)).toEqual(expected);
  });

  it('refuses a filter that it does not know, a cursor that no page gave, and an instant that is none', async () => {
    for (const query of ['?foo=1', '?cursor=x', '?from=yesterday', '?limit=0', '?trigger=never']) {
      expect([query, (await api.get(`/v1/attempts${query}`)).status]).toEqual([query, 400]);
    }
  });

  it.each(['newest', 'oldest'])('pages by cursor, %s first, with every attempt once', async (order) => {
    const seen: unknown[] = [];
    for (let cursor = ''; ;) {
      const { body } = await api.get(`/v1/attempts?limit=2&order=${order}&from=${at(0)}&to=${at(60)}${cursor}`);
      seen.push(...body.data.map(({ attemptId }) => attemptId));
      if (body.nextCursor === null) break;
      cursor = `&cursor=${body.nextCursor}`;
    }
    const all = (await api.get('/v1/attempts')).body.data.map(({ attemptId }) => attemptId);
    expect(seen).toEqual(order === 'newest' ? all : all.reverse());
  });

  it('exports what the filters let in as CSV and as NDJSON', async () => {
    const csv = await api.get('/v1/attempts?by=system', 'north', 'text/csv');
    expect(csv.type).toContain('text/csv');
    const [header, first, ...rest] = csv.text.trimEnd().split('\r\n');
    expect(header).toBe('attemptId,leadId,at,trigger,round,actor,givenReason,workflowId,campaignId,configurationVersion,outcome,reason,'
      + 'contracts,pricesMinor');
    expect(first).toContain(`,L4,${new Date(NOON + 4 * MINUTE).toISOString()},arrival,1,,,w,solar,1,distributed,,bolt-all,1000`);
    expect(rest).toHaveLength(4);
    const ndjson = await api.get('/v1/attempts?format=ndjson&contract=acme-ny');
    expect(ndjson.text.trimEnd().split('\n').map((line) => (JSON.parse(line) as { leadId: string }).leadId)).toEqual(['L1', 'L0']);
  });

  it('shows nobody what is not his', async () => {
    expect(await leads('', 'south')).toEqual(['S0']);
    expect(await leads('?lead=L0', 'south')).toEqual([]);
    expect(await leads('?contract=acme-ny', 'south')).toEqual(['S0']);
    expect(await leads('', 'nobody')).toEqual([]);
    expect((await api.get('/v1/attempts?format=ndjson', 'south')).text.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('a history of many', () => {
  const BATCHES = 600;
  beforeAll(async () => {
    // 60,000 attempts of another tenant, a hundred a batch and a batch a second; every thousandth of a person.
    const id = `lpad(to_hex(7), 4, '0') || substr(x, 1, 4) || '-' || substr(x, 5, 4) || '-8' || substr(x, 9)
      || '-8000-0000' || lpad(to_hex(n), 8, '0')`;
    await rig.rows(`INSERT INTO engine.tenants VALUES ('big', 7)`);
    await rig.rows(`INSERT INTO engine.chain VALUES (7, 1, ${BATCHES}, 0) ON CONFLICT (partition) DO UPDATE SET batch_no = ${BATCHES}`);
    await rig.rows(`INSERT INTO engine.attempts (tenant_id, attempt_id, lead_id, at, trigger, version, outcome, receipt, actor, campaign_id)
      SELECT 'big', ${id}, 'B' || b || '-' || n, ${NOON} + b * 1000, 'arrival', 1, CASE WHEN b % 10 = 0 THEN 'distributed' ELSE 'criteria' END,
             '{"round":1,"picks":[],"ranks":[],"verdicts":[]}', CASE WHEN n = 7 AND b % 10 = 0 THEN 'ann' END, 'solar'
        FROM (SELECT b, n, lpad(to_hex(b), 11, '0') AS x FROM generate_series(1, ${BATCHES}) b, generate_series(1, 100) n) s`);
    await rig.rows(`INSERT INTO engine.leads (tenant_id, lead_id, received_at, lead, life, attempts, window_generation)
      SELECT tenant_id, lead_id, at, '{}', '{}', '[{"id":"' || attempt_id || '"}]', 0 FROM engine.attempts WHERE tenant_id = 'big'`);
    await rig.rows(`INSERT INTO engine.outbound_leads
      (tenant_id, outbound_lead_id, lead_id, attempt_id, contract_id, client_id, price_minor, currency, state, reserved_at)
      SELECT tenant_id, attempt_id || 'o', lead_id, attempt_id, 'k' || (random() * 99)::int, 'c', 1, 'USD', 'reserved', at
        FROM engine.attempts WHERE tenant_id = 'big' AND outcome = 'distributed'`);
    await rig.rows('ANALYZE engine.attempts, engine.outbound_leads, engine.leads');
  });

  const from = NOON + 300_000;
  it.each<[what: string, filter: AttemptFilter, after?: boolean]>([
    ['the newest', {}],
    ['a page further on', {}, true],
    ['a time', { from, to: from + 5_000 }],
    ['a time and a reason', { from, to: from + 5_000, reason: 'criteria', campaign: 'solar', by: 'system' }],
    ['a person', { actor: 'ann' }],
    ['a person within a time', { actor: 'ann', from, to: from + 50_000 }],
    ['persons', { by: 'user' }],
    ['a lead', { lead: 'B300-50' }],
    ['a contract', { contract: 'k17' }],
    ['a contract within a time', { contract: 'k17', from }],
  ])('finds %s by an index, and looks at little more than it shows', async (_what, filter, after = false) => {
    const store = new AttemptsStore(rig.database);
    const middle = await store.page('big', { to: from }, { limit: 1 });
    const { plan, found } = await rig.database.transaction({ service: 'engine', tenants: ['big'] }, async (tx) => {
      const statement = await store.statement(tx, 'big', filter, { limit: 50, ...(after ? { after: middle.rows[0]!.attempt_id } : {}) });
      const rows = await tx.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(`EXPLAIN (ANALYZE, FORMAT JSON) ${statement!.text}`, statement!.values);
      return { plan: rows[0]!['QUERY PLAN'][0]!.Plan, found: await tx.query(statement!.text, statement!.values) };
    });
    expect(found.length).toBeGreaterThan(0);
    const scans = scansOf(plan);
    expect(scans.map((scan) => scan['Node Type'])).not.toContain('Seq Scan');
    for (const scan of scans) {
      expect((scan['Actual Rows'] + (scan['Rows Removed by Filter'] ?? 0)) * scan['Actual Loops']).toBeLessThan(700);
    }
  });

  it('ends its search for what is rare somewhere, and says where to go on', async () => {
    const store = new AttemptsStore(rig.database);
    const seen: string[] = [];
    let pages = 0;
    for (let after: string | undefined; ;) {
      const { rows, next } = await store.page('big', { reason: 'none', campaign: 'solar' }, { limit: 10, after }, 10_000);
      expect(rows).toEqual([]);
      pages++;
      if (next === undefined) break;
      seen.push(next);
      after = next;
    }
    expect(pages).toBe(7);
    expect(seen).toEqual([...seen].sort().reverse());
  });

  it('pages through what a client with many contracts got, each attempt once and in order', async () => {
    await rig.rows(`INSERT INTO engine.configuration_items (tenant_id, kind, id, version, entry, body)
      SELECT 'big', 'contract', 'k' || n, 1, n, '{"client":"c' || n % 2 || '"}' FROM generate_series(0, 99) n`);
    const store = new AttemptsStore(rig.database);
    const seen: string[] = [];
    for (let after: string | undefined; ;) {
      const { rows, next } = await store.page('big', { client: 'c1' }, { limit: 100, after }, 1_000);
      seen.push(...rows.map((row) => row.attempt_id));
      if (next === undefined) break;
      after = next;
    }
    const all = await rig.rows<{ attempt_id: string }>(`SELECT attempt_id FROM engine.outbound_leads WHERE tenant_id = 'big'
      AND substr(contract_id, 2)::int % 2 = 1 ORDER BY attempt_id DESC`);
    expect(seen).toEqual(all.map((row) => row.attempt_id));
    expect(seen.length).toBeGreaterThan(2_000);
  });

  it('finds the first attempt of any instant', async () => {
    const store = new AttemptsStore(rig.database);
    for (const second of [-5, 0, 1, 2, 299, 300, 599, 600]) {
      const { rows } = await store.page('big', { from: NOON + second * 1000 }, { limit: 1, oldestFirst: true });
      expect([second, Number(rows[0]!.at)]).toEqual([second, NOON + Math.max(1, second) * 1000]);
      const before = await store.page('big', { to: NOON + second * 1000 }, { limit: 1 });
      expect([second, before.rows.map((row) => Number(row.at))]).toEqual([second, second > 1 ? [NOON + (second - 1) * 1000] : []]);
    }
    expect(await store.page('big', { from: NOON + 601_000 }, { limit: 1 })).toEqual({ rows: [] });
  });
});

interface Plan { 'Node Type': string; 'Actual Rows': number; 'Actual Loops': number; 'Rows Removed by Filter'?: number; Plans?: Plan[] }

function scansOf(plan: Plan): Plan[] {
  return [...(plan['Node Type'].includes('Scan') && plan['Node Type'] !== 'Subquery Scan' ? [plan] : []),
    ...(plan.Plans ?? []).flatMap(scansOf)];
}
