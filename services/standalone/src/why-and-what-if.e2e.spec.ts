import 'reflect-metadata';
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withValue, type ReplayReport } from '@sluice/distribution';
import { Api } from './api.js';
import { Captured } from './captured.suite.js';
import { distribute } from './commands/distribute.js';
import { explain } from './commands/explain.js';
import { history } from './commands/history.js';
import { replay, type ReplayCommand } from './commands/replay.js';
import { Story, until, type Tenant } from './story.suite.js';

/** A dear client who takes one a day, and a cheap one who takes the rest. */
function setUp(clients: string, prefix: string) {
  return {
    apiVersion: 'v1', timezone: 'UTC', currency: 'USD', clients: [{ id: 'dear' }, { id: 'cheap' }],
    contracts: [
      { id: 'dear-c', client: 'dear', price: '30.00', maxShareCount: 1, caps: { day: 1 }, deliveryMethod: 'dear-hook' },
      { id: 'cheap-c', client: 'cheap', price: '10.00', maxShareCount: 1, deliveryMethod: 'cheap-hook' },
    ],
    deliveryMethods: ['dear', 'cheap'].map((id) => ({ id: `${id}-hook`, type: 'webhook', url: `${clients}/${prefix}-${id}`, accept: { status: [200] }, reject: { status: [500] } })),
    campaigns: [{ id: 'solar', workflow: 'w', duplicates: { then: 'accept' }, fields: { state: { type: 'string' } } }],
    workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 1, rules: [{ method: 'price', take: 1 }] }],
  };
}

interface Why { contractId: string; words: string; change: { kind: string; id: string; path: string; to: unknown } | null }

describe('why, and what if', () => {
  let story: Story;
  let one: Tenant;
  let two: Tenant;
  const began = Date.now();
  beforeAll(async () => {
    story = await Story.start();
    one = await story.tenant('one', setUp(story.clients, 'one'));
    two = await story.tenant('two', setUp(story.clients, 'two'));
  }, 120_000);
  afterAll(() => story?.close(), 60_000);

  const post = async (tenant: Tenant) => {
    const source = await tenant.source('solar');
    const { leadId } = await source.call<{ leadId: string }>('POST', '/v1/leads', { body: { campaign: 'solar', fields: { state: 'NY' } } });
    await story.eventsOf(leadId, 'OutboundLeadAccepted');
    return leadId;
  };
  const buyer = async (tenant: Tenant, leadId: string) =>
    (await tenant.admin.call<{ data: { picks: { contractId: string }[] }[] }>('GET', `/v1/leads/${leadId}/attempts`)).data.at(-1)!.picks[0]!.contractId;

  it('says with which one change the dear client would have had the lead, and with it he has the next', async () => {
    await post(one);
    const leadId = await post(one);
    expect(await buyer(one, leadId)).toBe('cheap-c');
    const { contracts } = await one.admin.call<{ contracts: Why[] }>('GET', `/v1/leads/${leadId}/explanation?contract=dear-c`);
    expect(contracts[0]!.words).toBe('dear-c was not given this lead: its daily cap of 1 was used up (1 of 1). It would have won with a daily cap of 2.');
    const { kind, id, path: changed, to } = contracts[0]!.change!;
    expect([kind, id]).toEqual(['contract', 'dear-c']);
    const body = await one.admin.call<object>('GET', '/v1/contracts/dear-c');
    await one.admin.call('PUT', '/v1/contracts/dear-c', { body: withValue(body, changed, to), headers: { prefer: 'wait=30', 'if-match': '*' } });
    expect(await buyer(one, await post(one))).toBe('dear-c');
  }, 60_000);

  it('the command line tells it in words, with the figures and the ranking', async () => {
    const leadId = await post(one);
    const captured = new Captured();
    expect(await explain(one.admin, leadId, 'dear-c', { json: false }, captured.terminal)).toBe(true);
    expect(captured.out).toContain('arrival: cheap-c');
    expect(captured.out).toContain('✗ dear-c was not given this lead: its daily cap of 2 was used up (2 of 2).');
    expect(captured.out).toContain('shut: cap_day  2 of 2 used, of contract dear-c');
    const winner = new Captured();
    await explain(one.admin, leadId, 'cheap-c', { json: false }, winner.terminal);
    expect(winner.out).toMatch(/By price in w\/r0, 1 of 1:[\s\S]*cheap-c +10\.00/);
    await expect(explain(two.admin, leadId, undefined, { json: false }, captured.terminal)).rejects.toMatchObject({ status: 404 });
  }, 60_000);

  it('what a person did by hand, past a gate and why, stands in the receipt and in the history', async () => {
    const [before, leadId] = [new Captured(), await post(two)];
    const asked = { contracts: ['dear-c'], override: ['cap_day'], reason: 'promised by phone', by: 'ann', preview: false, json: false };
    // It went to the dear client at arrival, who takes one a day; the next goes to the cheap one, and nobody else fits.
    expect(await distribute(two.admin, leadId, { ...asked, preview: true }, before.terminal)).toBe(false);
    expect(before.out).toContain('✗ dear-c would not be given this lead: dear, or its contract group, has this lead already');
    story.answers = ({ client }) => (client === 'two-cheap' ? { status: 500, body: {} } : { status: 200, body: {} });
    const source = await two.source('solar');
    const next = await source.call<{ leadId: string }>('POST', '/v1/leads', { body: { campaign: 'solar', fields: { state: 'NY' } } });
    await story.eventsOf(next.leadId, 'OutboundLeadRejected', 30_000);
    story.answers = () => ({ status: 200, body: {} });
    const captured = new Captured();
    expect(await distribute(two.admin, next.leadId, asked, captured.terminal)).toBe(true);
    expect(captured.out).toContain('dear-c gets it for 30.00 USD (passed over: cap_day)');
    const told = new Captured();
    await history(two.admin, { by: 'user' }, { limit: 10, json: false }, told.terminal);
    expect(told.out).toMatch(new RegExp(`${next.leadId} +manual +ann +dear-c past cap_day; "promised by phone"`));
    const shown = new Captured();
    await explain(two.admin, next.leadId, undefined, { json: false }, shown.terminal);
    expect(shown.out).toContain('manual by ann: dear-c, past cap_day; "promised by phone"');
  }, 60_000);

  it('a replay of what happened through another configuration says who would have got what', async () => {
    const document = setUp(story.clients, 'one');
    const report = await replayed(one, { ...document, contracts: document.contracts.map((each) => ({ ...each, caps: { day: 3 } })) });
    expect(report).toMatchObject({ leads: 4, before: { sold: 4, turnover: '80.00' }, after: { sold: 4, turnover: '100.00' }, difference: { turnover: '20.00' } });
    expect(report.contracts.find(({ contractId }) => contractId === 'dear-c')).toMatchObject({ before: { leads: 2 }, after: { leads: 3, reasons: { cap_day: 1 } } });
  }, 60_000);

  it('the configuration of today, replayed against itself, makes no difference', async () => {
    const current = await one.admin.call<object>('GET', '/v1/configuration', { headers: { accept: 'application/json' } });
    expect(await replayed(one, current, { baseline: 'current' })).toMatchObject({ leads: 4, moved: 0, difference: { sold: 0, assigned: 0, turnover: '0.00' } });
  }, 60_000);

  it('a configuration that cannot be is refused, with the place of the fault', async () => {
    const captured = new Captured();
    const config = fileOf({ ...setUp(story.clients, 'one'), contracts: [{ id: 'x', client: 'nobody' }] });
    expect(await replay({ ...asked, config }, () => new Api(story.platform.url, 'x'), Date.now(), captured.terminal)).toBe(2);
    expect(captured.said).toContain('contracts[0].client');
  });

  const asked: ReplayCommand = { config: '', from: new Date(began).toISOString(), baseline: 'happened', refusals: 'same', json: true, top: 20 };

  function fileOf(document: object): string {
    const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'sluice-what-if-')), 'changed.json');
    writeFileSync(file, JSON.stringify(document));
    return file;
  }

  /** Once the engine has written down that all was accepted. */
  async function replayed(tenant: Tenant, document: object, more: Partial<ReplayCommand> = {}): Promise<ReplayReport> {
    await until(async () => {
      const lines = await tenant.admin.call<string>('GET', '/v1/history');
      return lines !== '' && !lines.includes('"state":"reserved"');
    }, 15_000, () => 'the last answer in the history');
    const captured = new Captured();
    const { key } = await tenant.admin.call<{ key: string }>('POST', '/v1/admin-keys', { body: { name: 'what if' } });
    const api = new Api(story.platform.url, key);
    expect(await replay({ ...asked, ...more, config: fileOf(document) }, () => api, Date.now() + 1_000, captured.terminal)).toBe(0);
    return JSON.parse(captured.out) as ReplayReport;
  }
});
