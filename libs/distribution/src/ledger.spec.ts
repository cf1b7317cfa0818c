import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@sluice/kernel';
import fc from 'fast-check';
import type { ConfigDocument } from './document.js';
import type { Scenario, ScenarioStep } from './scenario.js';
import { simulate } from './simulate.js';

const START = Date.UTC(2026, 2, 2, 8);
const MINUTE = 60_000;

/** Contracts with caps and schedules, a window that is often tried, leads that are turned down, and a contract that opens later. */
function drawn(seed: string): Scenario {
  const random = seededRandom(seed);
  const config: ConfigDocument = {
    apiVersion: 'v1', timezone: 'UTC', clients: [0, 1, 2].map((place) => ({ id: `k${place}` })),
    contracts: Array.from({ length: random.int(2, 5) }, (_, place) => ({
      id: `c${place}`, client: `k${random.int(0, 2)}`, price: random.int(10, 90), weight: random.int(1, 4), percentage: 20,
      ...(random.chance(0.6) && { caps: { [random.chance(0.5) ? 'hour' : 'day']: random.int(1, 4) } }),
      ...(random.chance(0.3) && { schedule: { open: { 'mon-sun': ['10:00-11:00', '14:30-15:00'] } } }),
      ...(place === 0 && { status: 'paused' as const }),
    })),
    campaigns: [{ id: 'solar', workflow: 'w' }],
    workflows: [{
      id: 'w', mode: 'window', window: { length: random.pick(['PT3H', 'PT17H']), every: 'PT30M' }, maxMultiplication: random.int(1, 3),
      rules: [{
        method: random.pick(['price', 'weighted', 'percentage', 'roundRobin'] as const), take: random.int(1, 2), base: 'price', strict: true,
      }],
    }],
  };
  const at = (minute: number) => new Date(START + minute * MINUTE).toISOString();
  const timeline: ScenarioStep[] = Array.from({ length: 24 }, (_, place): ScenarioStep => ({
    at: at(place * 9), lead: { id: `L${place}`, campaign: 'solar' }, rejectedBy: random.chance(0.3) ? [`c${random.int(0, 4)}`] : [],
  }));
  timeline.push({ at: at(300), set: { contracts: { c0: { status: 'open' } } } }, { at: at(310), window: { lead: 'L23', action: 'open' } });
  const isLive = random.chance(0.5);
  return { config, timeline: isLive ? timeline.slice(0, -1) : timeline.slice(0, -2), until: at(random.int(320, 1_500)) };
}

describe('a long run, which keeps only what waits', () => {
  it('comes to the same sums, windows and unsold leads as one that keeps and tells everything', () => {
    fc.assert(fc.property(fc.string({ minLength: 4, maxLength: 8 }), (seed) => {
      const scenario = drawn(seed);
      const told = simulate(scenario).summary.summary;
      const quick = simulate(scenario, { lines: false }).summary.summary;
      expect({ ...quick, unsold: Object.keys(quick.unsold) }).toEqual({ ...told, unsold: Object.keys(told.unsold) });
    }), { numRuns: 1_000 });
  });

  it('refuses a lead that comes twice, also when the first was let go long ago', () => {
    const scenario = drawn('twice');
    const again = { ...scenario.timeline![0]!, at: scenario.until! };
    expect(() => simulate({ ...scenario, timeline: [...scenario.timeline!, again] })).toThrow(/L0 comes twice/);
  });
});
