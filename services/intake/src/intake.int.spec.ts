import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LeadReceived, LeadRejected } from '@sluice/events';
import { aLead, Booted, solar } from './booted.suite.js';

describe('intake', () => {
  let intake: Booted;
  let one: string;
  let two: string;

  beforeAll(async () => {
    intake = await Booted.start();
    await intake.listen();
    for (const tenant of ['t1', 't2']) await intake.configure(tenant, 1, [{ kind: 'settings', id: 'settings', body: { timezone: 'America/New_York' } }, solar()]);
    one = await intake.source('t1');
    two = await intake.source('t2');
  });

  afterAll(() => intake.stop());

  const leadsOf = (tenantId: string) => intake.rows<{ lead_id: string }>('SELECT lead_id FROM intake.leads WHERE tenant_id = $1', [tenantId]);

  it('answers 202 with the id of a lead that is stored, said and sealed', async () => {
    const lead = aLead({ zip: '10001-1234' }, { consent: ['acme'], score: 7 });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { status, body } = await intake.post(one, lead, { traceparent });
    expect([status, body]).toEqual([202, { leadId: expect.stringMatching(/^[0-9a-f-]{36}$/), status: 'received',
      links: { self: `/v1/leads/${body.leadId}`, attempts: `/v1/leads/${body.leadId}/attempts` } }]);
    const [row] = await intake.rows('SELECT l.*, v.sealed FROM intake.leads l JOIN intake.vault v USING (lead_id) WHERE lead_id = $1', [body.leadId]);
    expect(row).toMatchObject({ tenant_id: 't1', source_id: 'web', campaign_id: 'solar', configuration_version: 1, duplicate_of: null });
    const [said] = await intake.heardOf(body.leadId!);
    expect(said).toMatchObject({ tenantId: 't1', traceparent, data: {
      tenantId: 't1', sourceId: 'web', campaignId: 'solar', configurationVersion: 1, country: 'US', consent: ['acme'], score: 7,
      attributes: { state: 'NY', age: 40, zip: '10001-1234', 'zip.state': 'NY', 'zip.prefix': '100' },
      phoneHash: expect.stringMatching(/^[0-9a-f]{32}$/), emailHash: expect.stringMatching(/^[0-9a-f]{32}$/) } });
  });

  it('takes a lead once that is posted twice with one key, and refuses the key for another', async () => {
    const lead = aLead();
    const before = (await leadsOf('t1')).length;
    const first = await intake.post(one, lead, { 'idempotency-key': 'k1' });
    const second = await intake.post(one, { fields: Object.fromEntries(Object.entries(lead.fields).reverse()) }, { 'idempotency-key': 'k1' });
    expect([first.status, second.status, second.body]).toEqual([202, 202, first.body]);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    const other = await intake.post(one, aLead(), { 'idempotency-key': 'k1' });
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    expect(await leadsOf('t1')).toHaveLength(before + 1);
  });

  it('keeps the keys of two tenants apart', async () => {
    const lead = aLead();
    const [a, b] = await Promise.all([intake.post(one, lead, { 'idempotency-key': 'shared' }), intake.post(two, lead, { 'idempotency-key': 'shared' })]);
    expect([a.status, b.status, a.body.leadId === b.body.leadId]).toEqual([202, 202, false]);
  });

  it('takes one lead where fifty of one key come at once', async () => {
    const lead = aLead();
    const answers = await Promise.all(Array.from({ length: 50 }, () => intake.post(one, lead, { 'idempotency-key': 'fifty' })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => body.leadId)).size).toBe(1);
  });

  it('takes fifty leads where fifty come at once, in the log as in the table', async () => {
    const before = (await leadsOf('t2')).length;
    const answers = await Promise.all(Array.from({ length: 50 }, () => intake.post(two, aLead())));
    expect(new Set(answers.map(({ body }) => body.leadId)).size).toBe(50);
    const stored = await leadsOf('t2');
    expect(stored).toHaveLength(before + 50);
    const said = (await intake.heard(before + 50, LeadReceived)).filter(({ tenantId }) => tenantId === 't2');
    expect(said.map(({ data }) => data['leadId']).sort()).toEqual(stored.map((row) => row.lead_id).sort());
  });

  it('tells every fault at once, stores nothing but the rejection, and says so without a value', async () => {
    const before = (await leadsOf('t1')).length;
    const { status, headers, body } = await intake.post(one, { fields: { sate: 'CANARY-x', age: 'CANARY-y', email: 'CANARY-z' }, tenantId: 't2', lat: 91 });
    expect([status, headers.get('content-type')]).toEqual([422, expect.stringContaining('application/problem+json')]);
    expect(body.errors?.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
      '/tenantId unknown_key', '/lat type', '/lon required', '/fields/state required', '/fields/age type', '/fields/email email', '/fields/sate unknown_field']);
    expect(await leadsOf('t1')).toHaveLength(before);
    const [row] = await intake.rows('SELECT * FROM intake.rejections WHERE rejection_id = $1', [body['rejectionId']]);
    expect(row).toMatchObject({ tenant_id: 't1', reason: 'invalid', campaign_id: 'solar' });
    const said = (await intake.heard(1, LeadRejected)).find(({ data }) => data['rejectionId'] === body['rejectionId']);
    expect(said?.data).toMatchObject({ reason: 'invalid', pointers: expect.arrayContaining(['/fields/email']) });
    expect(JSON.stringify([row, said, body])).not.toContain('CANARY');
    const list = await intake.get('admin-t1', '/v1/rejections?reason=invalid&limit=1');
    expect(list.body).toMatchObject({ data: [{ rejectionId: body['rejectionId'], source: 'web', errors: expect.arrayContaining([{ pointer: '/fields/email', code: 'email' }]) }] });
    expect((await intake.get('admin-t2', '/v1/rejections')).body['data']).toEqual([]);
  });

  it.each([
    ['not json', '{"fields":', 400, 'invalid_json'],
    ['a key twice', '{"fields":{"state":"NY","state":"NJ"}}', 400, 'invalid_json'],
    ['NUL', '{"fields":{"state":"N\\u0000Y"}}', 422, 'invalid_lead'],
    ['an unknown campaign', '{"campaign":"solr","fields":{"state":"NY"}}', 422, 'unknown_campaign'],
    ['a list', '[]', 422, 'invalid_lead'],
    ['nothing', '', 400, 'invalid_json'],
    ['a book', JSON.stringify({ fields: { state: 'x'.repeat(70_000) } }), 413, 'too_large'],
  ])('refuses %s', async (_what, text, status, code) => {
    const answer = await intake.post(one, text);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it.each([['no key', ''], ['another secret', 'tampered'], ['another case', 'upper'], ['an admin', 'admin-t1']])('lets nobody in with %s', async (_what, kind) => {
    const key = kind === 'tampered' ? `${one.slice(0, -2)}zz` : kind === 'upper' ? one.toUpperCase() : kind;
    expect((await intake.post(key, aLead())).status).toBe(401);
  });

  it('checks a lead on the configuration that was answered last, even one that it has not read yet', async () => {
    const door = await intake.source('t2', 'door', { campaign: 'roof' });
    expect((await intake.post(door, aLead())).body.code).toBe('unknown_campaign');
    await intake.configure('t2', 2, [{ ...solar(), id: 'roof' }]);
    expect((await intake.post(door, aLead())).status).toBe(202);
    // As another replica would see it: the version moves, and nobody tells this process.
    await intake.inDatabase('t2', async (tx) => {
      await tx.query(`UPDATE intake.configuration_items SET body = $1 WHERE tenant_id = 't2' AND id = 'roof'`, [JSON.stringify({ fields: { roofType: { type: 'string', required: true } } })]);
      await tx.query(`UPDATE intake.configuration_versions SET version = 3 WHERE tenant_id = 't2'`);
    });
    const refused = await intake.post(door, aLead());
    expect([refused.status, refused.body.errors?.[0]?.pointer]).toEqual([422, '/fields/roofType']);
  });

  it('shows a role without tenants no row of any table, and one tenant nothing of another', async () => {
    await intake.post(one, aLead(), { 'idempotency-key': 'rows' });
    await intake.post(one, { fields: {} });
    const tables = await intake.rows<{ name: string }>(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'intake' AND tablename !~ '^fingerprints_|^source_keys$|^master_keys$'`);
    expect(tables.length).toBeGreaterThanOrEqual(11);
    for (const { name } of tables) {
      const count = (tenant: string) => intake.inDatabase(tenant, async (tx) => (await tx.query<{ n: number }>(`SELECT count(*)::int AS n FROM intake.${name}`))[0]?.n);
      expect([name, await count(''), await count('stranger')]).toEqual([name, 0, 0]);
    }
    await expect(intake.inDatabase('t2', (tx) => tx.query(`INSERT INTO intake.configuration_versions VALUES ('t1', 99)`))).rejects.toThrow(/row-level security/);
  });

  it('keeps personal values in the vault alone', async () => {
    const canary = { email: 'zz.canary77@canary.test', phone: '+12025559977', name: 'Canary Seventyseven' };
    const { body } = await intake.post(one, aLead(canary));
    await intake.post(one, aLead({ ...canary, age: 'Canary Seventyseven' }));
    await intake.heardOf(body.leadId!);
    const tables = await intake.rows<{ name: string }>(`SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('intake', 'log')`);
    for (const { name } of tables) {
      const dump = JSON.stringify(await intake.rows(`SELECT t::text FROM ${name} t`));
      for (const value of ['canary77', '2025559977', 'Seventyseven', Buffer.from('canary77').toString('hex')]) expect([name, dump.includes(value)]).toEqual([name, false]);
    }
    expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['intake.leads', 'intake.vault', 'log.run_rest']));
    for (const value of ['canary77', '2025559977', 'Seventyseven']) expect(intake.lines.text).not.toContain(value);
    const opened = await intake.post(intake.service('t1'), { leadIds: [body.leadId] }, {}, '/internal/v1/intake/personal-fields');
    expect(opened.body).toEqual({ leads: [{ leadId: body.leadId, fields: canary }] });
  });
});
