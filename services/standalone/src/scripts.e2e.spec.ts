import 'reflect-metadata';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Story, type Tenant } from './story.suite.js';

/** A script that shows all that it sees, one in shadow, and one that fails. */
const scripts = [
  { id: 'nosy', status: 'active', code: 'function filter(lead, contract) { return contract.id === "dear-c" ? JSON.stringify([Object.keys(lead.fields).sort(), typeof process]) : true }',
    tests: [{ name: 'lets the cheap one in', hook: 'filter', lead: { zip: '10001' }, contract: 'cheap-c', expect: true }] },
  { id: 'wary', status: 'shadow', code: 'const afterPlan = () => []', tests: [{ name: 'takes all away', hook: 'afterPlan', lead: {}, plan: ['cheap-c'], expect: [] }] },
  { id: 'broken', status: 'active', code: 'const score = (lead) => lead.fields.zip.broken.twice', tests: [] },
];
const personal = { required: true, personal: true };
const fields = { firstName: { type: 'string', ...personal }, email: { type: 'email', ...personal }, zip: { type: 'postalCode', required: true } };
const setUp = (clients: string, own: object) => ({
  apiVersion: 'v1', timezone: 'UTC', clients: [{ id: 'dear' }, { id: 'cheap' }],
  workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 1, rules: [{ method: 'price' }] }],
  contracts: [
    { id: 'dear-c', client: 'dear', price: '30.00', deliveryMethod: 'hook' }, { id: 'cheap-c', client: 'cheap', price: '10.00', deliveryMethod: 'hook' },
  ],
  deliveryMethods: [{ id: 'hook', type: 'webhook', url: `${clients}/any`, accept: { status: [200] } }],
  campaigns: [{ id: 'solar', workflow: 'w', fields }],
  ...own,
});

interface Receipt {
  picks: { contractId: string }[];
  verdicts: { contractId: string; detail: string | null }[];
  scripts: { id: string; status: string; sentence: string }[];
}

let story: Story;
let one: Tenant;
let two: Tenant;
beforeAll(async () => {
  story = await Story.start();
  one = await story.tenant('one', setUp(story.clients, { scripts }));
  two = await story.tenant('two', setUp(story.clients, {}));
}, 120_000);
afterAll(() => story?.close(), 60_000);

async function receiptOf(tenant: Tenant): Promise<Receipt> {
  const source = await tenant.source('solar');
  const body = { campaign: 'solar', fields: { firstName: 'Ada', email: 'ada@mail.example', zip: '10001' } };
  const { leadId } = await source.call<{ leadId: string }>('POST', '/v1/leads', { body, headers: { prefer: 'wait=20' } });
  const { data: [attempt] } = await tenant.admin.call<{ data: { attemptId: string }[] }>('GET', `/v1/leads/${leadId}/attempts`);
  return tenant.admin.call<Receipt>('GET', `/v1/attempts/${attempt!.attemptId}`);
}

it('a script decides what the rules do not say, sees nothing personal, and is nobody else\'s', async () => {
  const receipt = await receiptOf(one);
  expect(receipt.picks).toMatchObject([{ contractId: 'cheap-c' }]);
  expect(receipt.verdicts.find(({ contractId }) => contractId === 'dear-c')?.detail).toBe('[["zip","zip.prefix","zip.state"],"undefined"]');
  expect(receipt.scripts.map(({ sentence }) => sentence)).toEqual([
    'Script nosy (version 1) had its say.', 'Script wary (version 1) ran in shadow and would have taken it from cheap-c.',
    expect.stringMatching(/^Script broken \(version 1\) failed in score and was left out: TypeError: .* \(line 1\)\.$/),
  ]);
  expect(await receiptOf(two)).toMatchObject({ picks: [{ contractId: 'dear-c' }], scripts: [] });
}, 60_000);

it('what one in shadow would have done is in its report, and a change that fails its tests is refused', async () => {
  const report = await one.admin.call<{ versions: object[] }>('GET', '/v1/scripts/wary/report');
  expect(report.versions).toMatchObject([{ version: 1, shadow: 1, differed: 1, contracts: [{ contractId: 'cheap-c', lost: 1, won: 0 }] }]);
  const change = one.admin.call('PATCH', '/v1/scripts/nosy', { body: { code: 'const filter = () => false' }, headers: { 'if-match': '*' } });
  await expect(change).rejects.toThrow(/lets the cheap one in: expected true, got false/);
  expect(await one.admin.call('POST', '/v1/scripts/nosy/test', { body: {} })).toMatchObject({ passed: true });
}, 60_000);
