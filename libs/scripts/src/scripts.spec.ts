import { afterAll, describe, expect, it } from '@jest/globals';
import { decide, itemsOf, Market, newLife, State, type ConfigDocument, type Lead, type Script, type ScriptNote } from '@sluice/distribution';
import { countFailures } from './circuit.js';
import { Sandbox } from './sandbox.js';
import { Scripts } from './scripts.js';
import { testScript } from './test-script.js';

const NOW = Date.UTC(2026, 2, 2, 15);
const sandbox = new Sandbox();
const scripts = new Scripts(sandbox);
afterAll(() => scripts.stop());

function world(own: readonly Partial<Script>[], more: Partial<ConfigDocument> = {}) {
  const document: ConfigDocument = {
    apiVersion: 'v1', timezone: 'America/New_York', clients: [{ id: 'a', clientGroup: 'north' }, { id: 'b' }],
    contracts: [{ id: 'A', client: 'a', price: 30, tags: ['roof'] }, { id: 'B', client: 'b', price: 20 }],
    campaigns: [{ id: 'x', workflow: 'w', fields: { state: { type: 'string' }, mail: { type: 'email', personal: true } } }, { id: 'y', workflow: 'w' }],
    workflows: [{ id: 'w', maxMultiplication: 2, rules: [{ method: 'price' }] }],
    scripts: own.map((script, place) => ({ id: `s${place + 1}`, status: 'active', code: '', ...script })), ...more,
  };
  const market = Market.compile(itemsOf(document), { deliversAlways: true });
  const state = State.load();
  state.follow(market, NOW);
  const ask = (attributes: Lead['attributes'] = { state: 'NY' }, now = NOW, campaignId = 'x') => {
    const lead: Lead = { leadId: 'L', tenantId: 't', campaignId, receivedAt: NOW, attributes };
    return decide(market, state, lead, newLife(), { trigger: 'arrival', hooks: scripts.hooksOf(market, state) }, now, () => 0.5);
  };
  const picks = (...given: Parameters<typeof ask>) => ask(...given).picks.map(({ contractId }) => contractId);
  return { market, state, ask, picks };
}

describe('scripts of a market', () => {
  it('refuse contracts, and their words stand in the verdict', () => {
    const { ask } = world([{ code: 'function filter(lead, contract) { return contract.tags.includes("roof") ? "no roofs in " + lead.fields.state : true }' }]);
    const decision = ask();
    expect(decision.picks.map(({ contractId }) => contractId)).toEqual(['B']);
    expect(decision.verdicts[0]).toMatchObject({ contractId: 'A', code: 'script', detail: 'no roofs in NY' });
    expect(decision.scripts).toEqual([{ id: 's1', version: 1, status: 'applied' }]);
  });

  it('must all let a contract in, and their scores add up', () => {
    const { picks, ask } = world([
      { code: 'const score = (lead, contract) => contract.id === "B" ? 3 : 2' },
      { code: 'const score = (lead, contract) => contract.id === "B" ? 1 : 5; function filter() { return true }' },
    ]);
    expect(picks()).toEqual(['A', 'B']);
    expect(ask().verdicts.map(({ rank }) => rank?.keys['score'])).toEqual([7, 4]);
    expect(world([{ code: 'const filter = () => true' }, { code: 'const filter = (lead, { id }) => id === "B"' }]).ask().verdicts[0])
      .toMatchObject({ contractId: 'A', code: 'script', detail: 'refused by script s2' });
  });

  it('take picks away one after the other, and see of time the instant of the decision alone', () => {
    const { picks } = world([
      { code: 'const afterPlan = (lead, plan) => lead.weekday === "mon" && lead.time === "10:00" && lead.date === "2026-03-02" ? plan.map(({ id }) => id) : []' },
      { code: 'const afterPlan = (lead, plan) => plan.slice(0, 1).map(({ id }) => id)' },
    ]);
    expect(picks()).toEqual(['A']);
    expect(picks({}, NOW + 60_000)).toEqual([]);
  });

  it('see nothing personal', () => {
    const { ask } = world([{ code: 'const filter = (lead) => JSON.stringify(lead.fields)' }]);
    expect(ask({ state: 'NY', mail: 'a@b.example' }).verdicts[0]?.detail).toBe('{"state":"NY"}');
  });

  it('stand aside where they are not attached or their criteria do not hold, and say why', () => {
    const code = 'const filter = () => false';
    const note = (own: Partial<Script>, campaign = 'x') => world([{ code, ...own }]).ask({ state: 'NY' }, NOW, campaign).scripts;
    expect(note({ campaigns: ['y'] })).toBeUndefined();
    expect(note({ status: 'off' })).toBeUndefined();
    expect(note({ contracts: ['C'] })).toEqual([{ id: 's1', version: 1, status: 'notTriggered', reason: 'contracts' }]);
    expect(note({ when: { field: 'state', op: 'equals', value: 'TX' } }))
      .toEqual([{ id: 's1', version: 1, status: 'notTriggered', reason: 'when', words: 'state equals TX, got "NY"' }]);
    expect(note({ version: 4 })).toEqual([{ id: 's1', version: 4, status: 'applied' }]);
    expect(world([{ code, contracts: ['A'] }]).picks()).toEqual(['B']);
  });

  it.each([
    ['filter', 'function filter() { return missing }', 'error', 'ReferenceError: \'missing\' is not defined (line 1)'],
    ['score', 'function filter() { return true } function score() { return "high" }', 'result', 'score of A: expected a finite number, got a value of type string'],
    ['filter', 'function filter() { for (;;); }', 'steps', 'more steps than it may take'],
    ['filter', 'function filter( {', 'error', expect.stringMatching(/^SyntaxError/)],
  ])('that fail in %s are left out as if they were not there: %s', (hook, code, reason, words) => {
    const { ask } = world([{ code }]);
    const decision = ask();
    expect(decision.picks.map(({ contractId }) => contractId)).toEqual(['A', 'B']);
    expect(decision.scripts).toEqual([{ id: 's1', version: 1, status: 'failed', reason, words, hook }]);
  });

  it('that fail in afterPlan do not count with what they refused before either', () => {
    const { ask } = world([{ code: 'const filter = (lead, { id }) => id !== "A"; const afterPlan = () => { throw new TypeError("late") }' }]);
    const decision = ask();
    expect(decision.picks.map(({ contractId }) => contractId)).toEqual(['A', 'B']);
    expect(decision.scripts).toEqual([{ id: 's1', version: 1, status: 'failed', reason: 'error', words: 'TypeError: late (line 1)', hook: 'afterPlan' }]);
  });

  it('in shadow decide nothing, and say who would have lost and won', () => {
    const { ask } = world([{ status: 'shadow', code: 'const filter = (lead, { id }) => id !== "A"' }, { status: 'shadow', code: 'const filter = () => true' },
      { status: 'shadow', code: 'const filter = () => 1' }], { workflows: [{ id: 'w', maxMultiplication: 1, rules: [{ method: 'price' }] }] });
    const decision = ask();
    expect(decision.picks.map(({ contractId }) => contractId)).toEqual(['A']);
    expect(decision.scripts).toEqual([
      { id: 's1', version: 1, status: 'shadow', lost: ['A'], won: ['B'] }, { id: 's2', version: 1, status: 'shadow' },
      expect.objectContaining({ id: 's3', status: 'failed', reason: 'result' }),
    ]);
  });

  it('are taken as they are after a change of configuration', () => {
    const { market, picks } = world([{ code: 'const filter = (lead, { id }) => id !== "A"' }]);
    expect(picks()).toEqual(['B']);
    market.change([{ kind: 'script', id: 's1', entry: 20, body: { id: 's1', status: 'active', code: 'const filter = (lead, { id }) => id !== "B"' } }]);
    expect(picks()).toEqual(['A']);
    market.change([{ kind: 'script', id: 's1', entry: 20, body: null }]);
    expect(picks()).toEqual(['A', 'B']);
    market.change([{ kind: 'contract', id: 'A', entry: 3, body: { id: 'A', client: 'a', price: 10 } }]);
    expect(picks()).toEqual(['B', 'A']);
  });

  it('that are stopped again and again are left alone for a while, and the state says so', () => {
    const { state, ask } = world([{ code: 'const filter = () => { for (;;); }', limits: { steps: 10_000 } }]);
    const notes: (ScriptNote | undefined)[] = [];
    for (let lead = 0; lead < 21; lead++) {
      const decision = ask();
      countFailures(state, decision.scripts, NOW);
      notes.push(decision.scripts?.[0]);
    }
    expect(notes.slice(0, 20).every((note) => note?.reason === 'steps')).toBe(true);
    expect(notes[20]).toMatchObject({ status: 'notTriggered', reason: 'suspended', words: 'it failed too often, and is left alone until 2026-03-02T15:05:00.000Z' });
    expect(ask({}, NOW + 300_001).scripts?.[0]).toMatchObject({ status: 'failed', reason: 'steps' });
  });
});

describe('the test cases of a script', () => {
  const document: ConfigDocument = { apiVersion: 'v1', contracts: [{ id: 'A', client: 'a', price: 30 }], clients: [{ id: 'a', clientGroup: 'north' }] };
  const code = 'const filter = (lead, c) => lead.fields.state === "NY" ? (c.price > 20 ? "too dear" : true) : false; const score = (lead, c) => c.price; const afterPlan = (lead, plan) => [plan[0].id]';

  it('name contracts of the document or bring their own, and say what came instead', () => {
    const { results } = testScript(sandbox, { code, tests: [
      { name: 'dear', hook: 'filter', lead: { fields: { state: 'NY' } }, contract: 'A', expect: 'too dear' },
      { name: 'dear, in fewer words', hook: 'filter', lead: { state: 'NY' }, contract: 'A', expect: false },
      { name: 'cheap', hook: 'filter', lead: { state: 'NY' }, contract: { price: 5 }, expect: true },
      { name: 'elsewhere', hook: 'filter', lead: { state: 'TX' }, contract: 'A', expect: true },
      { name: 'score', hook: 'score', lead: { state: 'NY' }, contract: { price: 5 }, expect: 6 },
      { name: 'plan', hook: 'afterPlan', lead: { state: 'NY' }, plan: ['A', { id: 'B' }], expect: ['A'] },
    ] }, document);
    expect(results.map(({ passed, expected, got }) => [passed, expected, got])).toEqual([
      [true, '"too dear"', '"too dear"'], [true, 'false', '"too dear"'], [true, 'true', 'true'], [false, 'true', 'false'], [false, '6', '5'], [true, '["A"]', '["A"]'],
    ]);
  });

  it('fail where the code cannot run or has no such function', () => {
    expect(testScript(sandbox, { code: 'function filter( {' }).fault?.words).toMatch(/^SyntaxError/);
    const test = { name: 'one', hook: 'score' as const, lead: {}, expect: 1 };
    expect(testScript(sandbox, { code: 'function filter() {}', tests: [test] }).results).toEqual([{ name: 'one', hook: 'score', passed: false, expected: '1', got: 'no function score' }]);
  });
});
