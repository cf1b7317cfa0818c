import { describe, expect, it } from '@jest/globals';
import { decide } from './decide.js';
import type { Hooks, Request } from './decision.js';
import type { ConfigDocument } from './document.js';
import { explain } from './explain.js';
import { itemsOf } from './items.js';
import { newLife, type Lead } from './lead.js';
import { Market } from './market.js';
import { accept, release, reserve, returned } from './reserve.js';
import { State } from './state.js';

const NOW = Date.UTC(2026, 2, 2, 15);
const document: ConfigDocument = {
  apiVersion: 'v1', timezone: 'UTC', clients: [{ id: 'a' }, { id: 'b' }, { id: 'c', status: 'paused' }],
  contracts: [
    { id: 'A', client: 'a', price: 30, caps: { day: 1 } }, { id: 'B', client: 'b', price: 20 },
    { id: 'C', client: 'c', price: 10, minScore: 50, schedule: { open: { sun: ['00:00-24:00'] } }, radiusKm: 5 },
    { id: 'D', client: 'b', price: 5, criteria: { field: 'state', op: 'in', value: ['TX'] }, maxAge: 'PT1H' },
    { id: 'E', client: 'b', price: 5, campaigns: ['other'] },
  ],
  campaigns: [{ id: 'x', workflow: 'w' }], workflows: [{ id: 'w', maxMultiplication: 2, rules: [{ method: 'price' }] }],
};

function scene(hooks?: Hooks) {
  const market = Market.compile(itemsOf(document), { deliversAlways: true });
  const state = State.load();
  state.follow(market, NOW);
  const lead: Lead = { leadId: 'L', tenantId: 't', campaignId: 'x', receivedAt: NOW, attributes: { state: 'NY' } };
  const ask = (life = newLife(), request: Request = { trigger: 'arrival', hooks }) =>
    decide(market, state, lead, life, request, NOW, () => 0.5);
  return { market, state, lead, ask };
}

describe('a decision', () => {
  it('asks every gate, not only up to the first that is shut (F2)', () => {
    const { ask } = scene();
    const gates = ask().verdicts.find(({ contractId }) => contractId === 'C')?.gates;
    expect(gates).toEqual(['client_not_active', 'schedule_closed', 'no_geo', 'score_too_low']);
  });

  it('says which limit was reached, with what was used of it at that moment, also when it is read later', () => {
    const { market, state, lead, ask } = scene();
    const first = ask();
    const { life } = reserve(market, state, lead, newLife(), first, NOW, (pick) => pick.contractId);
    const second = ask();
    release(market, state, life, 'A', 'rejected');
    const verdict = second.verdicts.find(({ contractId }) => contractId === 'A');
    expect(verdict).toMatchObject({ code: 'cap_day', limit: { scope: 'contract', id: 'A', window: 'day', metric: 'count', used: 1,
      limit: 1 } });
    expect(first.verdicts.find(({ contractId }) => contractId === 'A')?.code).toBe('picked');
  });

  it('counts what its index left out, and explain says why, contract by contract in scope', () => {
    const { market, lead, ask } = scene();
    const decision = ask();
    expect(decision.considered).toEqual({ inScope: 4, notMatched: 1, reasons: { client_not_active: 1, criteria: 1 } });
    const all = explain(market, lead, decision.verdicts, NOW);
    expect(all.map(({ contractId, code }) => [contractId, code]))
      .toEqual([['A', 'picked'], ['B', 'picked'], ['C', 'client_not_active'], ['D', 'criteria']]);
    expect(all[3]).toMatchObject({ gates: ['criteria'], detail: 'state in [TX], got "NY"' });
  });

  it('takes back exactly what it reserved, and a second answer to the same outbound lead changes nothing', () => {
    const { market, state, lead, ask } = scene();
    const { life } = reserve(market, state, lead, newLife(), ask(), NOW, (pick) => pick.contractId);
    const rejected = release(market, state, life, 'A', 'rejected');
    const used = state.get('cap|contract|A|day|count|2026-03-02');
    expect([used, rejected.picks.map((pick) => pick.state)]).toEqual([0, ['rejected', 'reserved']]);
    expect(release(market, state, rejected, 'A', 'rejected')).toBe(rejected);
    expect(accept(rejected, 'A')).toBe(rejected);
    expect(accept(rejected, 'B').picks[1]).toMatchObject({ state: 'accepted', price: '2000' });
  });

  it('gives back what was reserved before holdings said when: then their units named the counters of caps', () => {
    const { market, state, lead, ask } = scene();
    const { life } = reserve(market, state, lead, newLife(), ask(), NOW, (pick) => pick.contractId);
    const key = 'cap|contract|A|day|count|2026-03-02';
    const [own, ...others] = life.picks;
    const before = { ...life, picks: [{ ...own!, at: undefined, also: undefined, units: [...own!.units, [key, 1] as const] }, ...others] };
    const gone = [() => release(market, state, before, 'A', 'rejected'), () => returned(market, state, before, 'A', NOW)].map((end) => {
      state.set(key, 1);
      end();
      return [state.get(key), ask().verdicts.find(({ contractId }) => contractId === 'A')?.code];
    });
    expect(gone).toEqual([[0, 'picked'], [0, 'picked']]);
  });

  it('offers a fallback nothing while those who hold the lead leave no room', () => {
    const { market, state, lead, ask } = scene();
    const { life } = reserve(market, state, lead, newLife(), ask(), NOW, (pick) => pick.contractId);
    expect(ask(life, { trigger: 'fallback' })).toMatchObject({ kind: 'unsold', full: true });
  });
});

describe('scripts', () => {
  const say = (refusal: (id: string) => string | null, score: (id: string) => number): Hooks => ({
    judge: (_lead, contracts) => ({ refusals: contracts.map(({ id }) => refusal(id)), scores: contracts.map(({ id }) => score(id)) }),
  });

  it('are asked once, of the contracts that passed every gate, in order of entry', () => {
    const asked: string[][] = [];
    const { ask } = scene({ judge: (_lead, contracts) => { asked.push(contracts.map(({ id, client }) => `${id} of ${client.id}`));
      return { refusals: null, scores: null }; } });
    ask();
    expect(asked).toEqual([['A of a', 'B of b']]);
  });

  it('refuse a contract with their own words', () => {
    const { ask } = scene(say((id) => (id === 'A' ? 'not on Mondays' : null), () => 0));
    const decision = ask();
    expect(decision.picks.map(({ contractId }) => contractId)).toEqual(['B']);
    expect(decision.verdicts[0]).toMatchObject({ code: 'script', detail: 'not on Mondays' });
  });

  it('sort before the rule\'s method by their score, high first', () => {
    const { ask } = scene(say(() => null, (id) => (id === 'B' ? 2 : 1)));
    expect(ask().picks.map(({ contractId }) => contractId)).toEqual(['B', 'A']);
  });

  it('take picks away after the plan, and cannot add any', () => {
    const { ask } = scene({ afterPlan: () => ['B', 'D', 'E'] });
    const decision = ask();
    expect(decision.picks.map(({ contractId }) => contractId)).toEqual(['B']);
    expect(decision.verdicts[0]?.code).toBe('script');
  });

  it('leave their notes in the decision', () => {
    const { ask } = scene({ notes: () => [{ id: 's', version: 3, status: 'failed', reason: 'error', words: 'x is not defined' }] });
    expect(ask().scripts).toEqual([{ id: 's', version: 3, status: 'failed', reason: 'error', words: 'x is not defined' }]);
  });

  it('on trial decide nothing, and what they would have changed is noted', () => {
    const trial: Hooks = { ...say((id) => (id === 'A' ? 'no' : null), () => 0), notes: () => [{ id: 't', version: 1, status: 'applied' }] };
    const { ask } = scene({ trials: () => [trial] });
    const decision = ask();
    expect(decision.picks.map(({ contractId }) => contractId)).toEqual(['A', 'B']);
    expect(decision.scripts).toEqual([{ id: 't', version: 1, status: 'shadow', lost: ['A'] }]);
  });

  it('are not asked of what a client takes from the pool', () => {
    const { ask } = scene();
    const hooks = say(() => 'never', () => 0);
    expect(ask(newLife(), { trigger: 'cherryPick', contracts: ['A'], hooks }).picks.map(({ contractId }) => contractId)).toEqual(['A']);
  });
});
