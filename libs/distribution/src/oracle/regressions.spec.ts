/** What random cases once found, each as small as it got: both readings have to say what the rules say. */
import { describe, expect, it } from '@jest/globals';
import type { ConfigDocument, Contract, Rule } from '../document.js';
import type { Scenario, ScenarioStep } from '../scenario.js';
import { simulate } from '../simulate.js';
import type { Case, CaseStep } from './case.js';
import { runLive } from './live.js';
import { runPush } from './push.js';
import { runOracle } from './run.js';
import { scoreOf, type Scripts } from './scripts.js';

function world(rule: Rule, contracts: Partial<Contract>[], more: Partial<ConfigDocument> = {}): ConfigDocument {
  const ids = contracts.map((_, place) => 'ABCDE'.charAt(place));
  return {
    apiVersion: 'v1', clients: ids.map((id) => ({ id: id.toLowerCase() })),
    campaigns: [{ id: 'solar', workflow: 'w', fields: { state: { type: 'string' } } }],
    contracts: ids.map((id, place) => ({ price: '10.00', client: id.toLowerCase(), ...contracts[place], id })),
    workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 1, rules: [rule] }], ...more,
  };
}

const at = (minute: number) => `2026-03-02T09:${String(minute).padStart(2, '0')}:00.000Z`;
const lead = (minute: number, more: object = {}): CaseStep => ({
  at: at(minute), lead: { id: `L${minute}`, campaign: 'solar', fields: { state: 'NY' } }, ...more,
});

/** Who was assigned in each attempt, as both readings have it. */
function assigned(drawn: Case): string[] {
  const [ours, theirs] = [runOracle(drawn), runLive(drawn)].map((lines) => lines.map((line) => line.assigned.map(({ contract }) => contract).join(' ')));
  expect(theirs).toEqual(ours);
  return theirs!;
}

describe('both readings agree that', () => {
  it('a score comes before the weights too: whom it puts first, the weights choose among (A7)', () => {
    const scripts: Scripts = { filter: 0, score: 2, drop: 0 };
    const config = world({ method: 'weighted', take: 1 }, [{ weight: 1 }, { weight: 9 }]);
    const leads = Array.from({ length: 20 }, (_, place) => lead(place));
    const winners = assigned({ config, timeline: leads, scripts });
    const scores = winners.map((winner, place) => [scoreOf(scripts, `L${place}`, 'A'), scoreOf(scripts, `L${place}`, 'B'), winner] as const);
    expect(scores.filter(([a, b]) => a !== b).every(([a, b, winner]) => winner === (a > b ? 'A' : 'B'))).toBe(true);
    expect(scores.filter(([a, b]) => a > b).length).toBeGreaterThan(2);
  });

  it('who passes over criteria may let the rules choose from contracts whose criteria leave the lead out (A3)', () => {
    const config = world({ method: 'price' }, [{ criteria: { field: 'state', op: 'equals', value: 'TX' } }]);
    const byHand = (overrides: string[]): CaseStep => ({ at: at(1), distribute: { lead: 'L0', rules: 'w', overrides } });
    expect(assigned({ config, timeline: [lead(0), byHand(['criteria'])] })).toEqual(['', 'A']);
    expect(assigned({ config, timeline: [lead(0), byHand(['cap_day'])] })).toEqual(['', '']);
  });

  it('who passes over one gate has not passed over what a script says (A7)', () => {
    const config = world({ method: 'price' }, [{ status: 'paused' }]);
    const byHand = (overrides: string[]): CaseStep => ({ at: at(1), distribute: { lead: 'L0', contracts: ['A'], overrides } });
    const scripts: Scripts = { filter: 1, score: 0, drop: 0 };
    expect(assigned({ config, timeline: [lead(0), byHand(['contract_not_open'])], scripts })).toEqual(['', '']);
    expect(assigned({ config, timeline: [lead(0), byHand(['contract_not_open', 'script'])], scripts })).toEqual(['', 'A']);
  });

  it('a cap that a person passes over is passed over by each pick of the plan (A3)', () => {
    const config = world({ method: 'price' }, [{ group: 'g' }, { group: 'g' }], { groups: [{ id: 'g', caps: { day: 1 } }] });
    config.workflows![0]!.maxMultiplication = 3;
    const byHand: CaseStep = { at: at(1), distribute: { lead: 'L1', rules: 'w', overrides: ['cap_day'] } };
    expect(assigned({ config, timeline: [lead(0), lead(1), byHand] })).toEqual(['A', '', 'A B']);
  });

  it('free trial ranks a contract by what it can pay among as many buyers as it accepts (section 3)', () => {
    const contracts = [{ prices: { 1: '20.00', 3: '24.00' }, maxShareCount: 1 }, { price: '21.00' }];
    const config = world({ method: 'freeTrial' }, contracts);
    config.workflows![0]!.maxMultiplication = 3;
    expect(assigned({ config, timeline: [lead(0)] })).toEqual(['B']);
  });

  it('a lead counts among the qualified for its own share, also where a person passes over its score (P3)', () => {
    const config = world({ method: 'price' }, [{ percentageLimit: { percent: 50, lookBack: 'day' }, minScore: 50 }]);
    const byHand: CaseStep = { at: at(1), distribute: { lead: 'L0', contracts: ['A'], overrides: ['score_too_low'] } };
    expect(assigned({ config, timeline: [lead(0), byHand] })).toEqual(['', 'A']);
  });

  it('a pointer starts at the head again when a contract has gone, also when it has come back (RR5)', () => {
    const config = world({ method: 'roundRobin', take: 1 }, [{}, {}, {}], { rotation: 'pointer' });
    const gone: CaseStep = { at: at(2), remove: { contracts: ['C'] } };
    const back: CaseStep = { at: at(3), set: { contracts: { C: { client: 'c', price: '10.00' } } } };
    expect(assigned({ config, timeline: [lead(0), lead(1), lead(4)] })).toEqual(['A', 'B', 'C']);
    expect(assigned({ config, timeline: [lead(0), lead(1), gone, back, lead(4)] })).toEqual(['A', 'B', 'A']);
  });

  it('a cap that a whole set used up is the reason of the others, and its window is tried when the cap ends (A2)', () => {
    const config = world({ method: 'leadCount' }, [{}, {}]);
    config.campaigns![0]!.caps = { hour: 1 };
    Object.assign(config.workflows![0]!, { maxMultiplication: 2, mode: 'window', window: { length: 'P1D', every: 'PT7H' } });
    const timeline: ScenarioStep[] = [{ at: at(5), lead: { id: 'L', campaign: 'solar' } }];
    const { lines } = simulate({ config, timeline, until: '2026-03-02T12:00:00Z' });
    expect(lines.map((line) => [line.at, ...line.assigned.map(({ contract }) => contract), line.refused['B']])).toEqual([
      [at(5), 'A', 'cap_hour'], ['2026-03-02T10:00:00.000Z', 'B', undefined],
    ]);
  });

  it('a lead that nobody took goes to the fallback recipient, and not again to one that turned it down (A2, D4)', () => {
    const scenario: Scenario = {
      config: {
        apiVersion: 'v1', campaigns: [{ id: 'solar' }], pushStrategies: [{
          id: 's', campaigns: ['solar'], from: 'corporate', onlyActiveWithin: 'PT30M', recipients: [{ to: 'u1' }],
          timeout: { after: 'P1D', to: 'u2' },
        }],
      },
      timeline: [
        { at: at(0), lead: { id: 'L', campaign: 'solar' }, rejectedBy: ['u2'] },
        // Somebody who can do nothing for it; what is held is looked at again.
        { at: '2026-03-05T09:00:00Z', seen: { user: 'u9' } },
      ],
      until: '2026-03-09T09:00:00Z',
    };
    const given = [runPush(scenario), simulate(scenario).lines].map((lines) => (
      lines.flatMap((line) => line.assigned.map(({ contract }) => `${new Date(line.at).toISOString()} ${contract}`))));
    expect(given).toEqual([['2026-03-03T09:00:00.000Z u2'], ['2026-03-03T09:00:00.000Z u2']]);
  });
});
