import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LeadReceived } from '@sluice/events';
import { request } from 'node:http';
import { aLead, Booted, pause, solar } from './booted.suite.js';

const NDJSON = { 'content-type': 'application/x-ndjson' };
const CSV = { 'content-type': 'text/csv' };
const BATCH = '/v1/leads:batch';

describe('a batch', () => {
  let intake: Booted;
  let key: string;
  let other: string;

  beforeAll(async () => {
    intake = await Booted.start();
    await intake.listen();
    for (const tenant of ['t1', 't2']) await intake.configure(tenant, 1, [solar()]);
    [key, other] = [await intake.source('t1'), await intake.source('t2')];
  });

  afterAll(() => intake.stop());

  let before: number;
  const stored = async () => (await intake.rows(`SELECT 1 FROM intake.leads WHERE tenant_id = 't1'`)).length;
  beforeEach(async () => { before = await stored(); });

  const ndjson = (leads: readonly unknown[]) => leads.map((lead) => (typeof lead === 'string' ? lead : JSON.stringify(lead))).join('\n');

  it('of NDJSON is answered line by line, in order, whatever is wrong with a line', async () => {
    const lines = [aLead(), '{"fields":', '', aLead({ age: 'ten' }), `{"fields":{"state":"${'x'.repeat(70_000)}"}}`, aLead(), '{"a":1,"a":2}', aLead({}, { campaign: 'x' })];
    const { status, lines: results } = await intake.post(key, ndjson(lines), NDJSON, BATCH);
    expect(status).toBe(200);
    expect(results.map(({ line, status: of, code }) => [line, of, code])).toEqual([
      [1, 'accepted', undefined], [2, 'rejected', 'invalid_json'], [4, 'rejected', 'invalid_lead'], [5, 'rejected', 'invalid_lead'], [6, 'accepted', undefined],
      [7, 'rejected', 'invalid_json'], [8, 'rejected', 'unknown_campaign']]);
    expect(results[2]).toMatchObject({ errors: [{ pointer: '/fields/age', code: 'type', message: 'Expected a whole number.' }], rejectionId: expect.any(String) });
    expect(await stored()).toBe(before + 2);
  });

  it('of CSV is answered row by row, in order, with a bad row in the middle', async () => {
    const csv = ['\ufeffstate,age,zip,email,name', 'NY,40,10001,csv1@example.com,"Lee, Ann"', 'NY,ten,10001,csv2@example.com,Bo', 'NY,40,10001',
      'NY,40,10001,"csv3@exa"mple.com,Bo', 'NJ,41,07001,csv4@example.com,"Line\nBreak"', ''].join('\n');
    const { status, lines } = await intake.post(key, csv, CSV, BATCH);
    expect(status).toBe(200);
    expect(lines.map(({ line, status: of }) => [line, of])).toEqual([[2, 'accepted'], [3, 'rejected'], [4, 'rejected'], [5, 'rejected'], [6, 'accepted']]);
    expect(lines[1]).toMatchObject({ errors: [{ pointer: '/fields/age' }] });
    expect(lines[2]).toMatchObject({ errors: [{ code: 'columns', message: 'Expected 5 columns, got 3.' }] });
    const opened = await intake.post(intake.service('t1'), { leadIds: [lines[0]!['leadId']] }, {}, '/internal/v1/intake/personal-fields');
    expect(opened.body).toMatchObject({ leads: [{ fields: { email: 'csv1@example.com', name: 'Lee, Ann' } }] });
  });

  it('of CSV without a header that means something is refused as a whole', async () => {
    for (const csv of ['', 'a,a\n1,2\n', '$tenant\nx\n']) {
      const { status, body } = await intake.post(key, csv, CSV, BATCH);
      expect([status, body.code]).toEqual([400, 'invalid_csv']);
    }
  });

  it('that is sent again from the start is answered with replays, and goes on where it was cut', async () => {
    const leads = Array.from({ length: 30 }, () => aLead());
    const headers = { ...NDJSON, 'idempotency-key': 'file-1' };
    const cut = await intake.post(key, ndjson(leads.slice(0, 12)), headers, BATCH);
    const again = await intake.post(key, ndjson(leads), headers, BATCH);
    expect(again.lines.map(({ status }) => status)).toEqual([...Array<string>(12).fill('replayed'), ...Array<string>(18).fill('accepted')]);
    expect(again.lines.slice(0, 12).map(({ leadId }) => leadId)).toEqual(cut.lines.map(({ leadId }) => leadId));
    const changed = await intake.post(key, ndjson([aLead(), leads[1]]), headers, BATCH);
    expect(changed.lines).toMatchObject([{ status: 'rejected', code: 'idempotency_key_reused' }, { status: 'replayed' }]);
    const foreign = await intake.post(other, ndjson(leads.slice(0, 2)), headers, BATCH);
    expect(foreign.lines.map(({ status }) => status)).toEqual(['accepted', 'accepted']);
    expect(await stored()).toBe(before + 30);
  });

  it('tells nothing of a line whose commit failed beside one that did not', async () => {
    await intake.rows('REVOKE INSERT ON intake.rejections FROM sluice_intake');
    const answer = intake.post(key, `${ndjson([aLead(), aLead({ age: 'ten' })])}\n`, NDJSON, BATCH);
    await pause(400);
    await intake.rows('GRANT INSERT ON intake.rejections TO sluice_intake');
    const { lines } = await answer;
    expect(lines.map(({ status }) => status)).toEqual(['accepted', 'rejected']);
    expect(await intake.rows('SELECT 1 FROM intake.rejections WHERE rejection_id = $1', [lines[1]!['rejectionId']])).toHaveLength(1);
    expect(await stored()).toBe(before + 1);
  });

  it('of thousands is answered whole, each lead in table and log once', async () => {
    const leads = Array.from({ length: 3000 }, () => aLead({ phone: undefined }));
    const { lines } = await intake.post(key, ndjson(leads), NDJSON, BATCH);
    expect(lines.map(({ line }) => line)).toEqual(leads.map((_, at) => at + 1));
    expect(new Set(lines.map(({ leadId }) => leadId)).size).toBe(3000);
    expect(await stored()).toBe(before + 3000);
    const said = await intake.heard(before + 3000, LeadReceived);
    expect(new Set(said.filter(({ tenantId }) => tenantId === 't1').map(({ data }) => data['leadId'])).size).toBe(before + 3000);
  });

  it('is answered while it is still being sent', async () => {
    const { hostname, port } = new URL(intake.url);
    const call = request({ hostname, port, path: BATCH, method: 'POST', headers: { ...NDJSON, authorization: `Bearer ${key}` } });
    let text = '';
    const begun = new Promise<void>((resolve) => call.on('response', (response) => {
      response.setEncoding('utf8').on('data', (part: string) => { text += part; resolve(); });
    }));
    call.write(`${JSON.stringify(aLead())}\n`);
    await begun;
    expect(JSON.parse(text)).toMatchObject({ line: 1, status: 'accepted' });
    call.end(JSON.stringify(aLead()));
    for (let turn = 0; turn < 100 && text.split('\n').length < 3; turn++) await pause(20);
    expect(JSON.parse(text.split('\n')[1]!)).toMatchObject({ line: 2, status: 'accepted' });
  });

  it('whose sender goes away leaves what it answered, and nothing under way', async () => {
    const { hostname, port } = new URL(intake.url);
    const call = request({ hostname, port, path: BATCH, method: 'POST', headers: { ...NDJSON, authorization: `Bearer ${key}` } });
    call.on('error', () => undefined);
    const begun = new Promise<void>((resolve) => call.on('response', (response) => {
      response.on('error', () => undefined).on('data', () => resolve());
    }));
    call.write(`${JSON.stringify(aLead())}\n{"fields":`);
    await begun;
    call.destroy();
    await pause(100);
    expect(await stored()).toBe(before + 1);
    expect((await intake.post(key, aLead())).status).toBe(202);
  });

  it('goes to its own path, as text', async () => {
    expect((await intake.post(key, ndjson([aLead()]), NDJSON, '/v1/leads')).status).toBe(415);
    expect((await intake.post(key, aLead(), {}, BATCH)).status).toBe(415);
    expect((await intake.post(key, 'x', { 'content-type': 'text/plain' }, BATCH)).status).toBe(415);
    expect((await intake.post(key, 'x', { ...NDJSON, 'content-encoding': 'gzip' }, BATCH)).status).toBe(415);
  });
});
