import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { counterfactuals } from './counterfactual.js';
import { decide } from './decide.js';
import type { Request } from './decision.js';
import { itemsOf } from './items.js';
import { newLife, type Lead } from './lead.js';
import { Market } from './market.js';
import { reserve } from './reserve.js';
import { State } from './state.js';
import { world } from './worlds.suite.js';

const NOW = Date.UTC(2026, 2, 2, 22, 20);
const leadOf = (place: number, state: string): Lead =>
  ({ leadId: `L${place}`, tenantId: 't', campaignId: 'x', receivedAt: NOW, attributes: { state } });

/** Asks again until nothing is missing that there is; how often. */
function filled<T>(whole: State, work: (state: State) => T): { readonly result: T; readonly rounds: number } {
  const state = State.load([...whole.entries()].filter(({ key }) => key.startsWith('suspended|')));
  const known = new Set<string>();
  for (let rounds = 1; ; rounds++) {
    const wanted: string[] = [];
    state.missing = (key) => { if (!known.has(key)) { known.add(key); wanted.push(key); } };
    const result = state.aside(() => work(state));
    if (wanted.length === 0) return { result, rounds };
    state.fill([...whole.entries()].filter(({ key }) => wanted.some((one) => one === key || (one.endsWith('|') && key.startsWith(one)))));
  }
}

describe('a state that is filled as it is asked', () => {
  it('decides and explains as the whole one does, in any run', () => {
    let mostRounds = 0;
    const requests: Request[] = [{ trigger: 'arrival' }, { trigger: 'manual', contracts: ['k0', 'k1', 'k2'], overrides: ['cap_day'] },
      { trigger: 'cherryPick', contracts: ['k0'] }];
    fc.assert(fc.property(world, fc.array(fc.constantFrom('NY', 'TX'), { minLength: 1, maxLength: 5 }), fc.constantFrom(...requests),
      (document, states, request) => {
        const market = Market.compile(itemsOf(document), { deliversAlways: true });
        const whole = State.load();
        whole.follow(market, NOW);
        for (const [place, state] of states.slice(1).entries()) {
          const lead = leadOf(place, state);
          const decision = decide(market, whole, lead, newLife(), { trigger: 'arrival' }, NOW, () => 0.5);
          reserve(market, whole, lead, newLife(), decision, NOW, (_, index) => `O${place}/${index}`);
        }
        const lead = leadOf(9, states[0]!);
        const answer = (state: State) => {
          const decision = decide(market, state, lead, newLife(), request, NOW, () => 0.5);
          const moment = { market, state, lead, life: newLife(), request, now: NOW, seed: () => 0.5 };
          return JSON.stringify([decision, decision.verdicts, counterfactuals(moment, decision)]);
        };
        const { result, rounds } = filled(whole, answer);
        mostRounds = Math.max(mostRounds, rounds);
        expect(result).toBe(answer(whole));
      }), { numRuns: 1000 });
    expect(mostRounds).toBeGreaterThan(1);
    expect(mostRounds).toBeLessThan(12);
  });
});
