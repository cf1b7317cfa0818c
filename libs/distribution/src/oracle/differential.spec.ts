import { describe, expect, it } from '@jest/globals';
import type { Method } from '../document.js';
import type { AttemptLine, Scenario, SimulationResult } from '../scenario.js';
import { simulate } from '../simulate.js';
import { FEATURES, generateScenario, generateWindows, METHODS, type Feature } from './generate.js';
import { generatePush } from './generate-push.js';
import { runLive } from './live.js';
import { runPush } from './push.js';
import { runOracle, runWindows, type OracleLine } from './run.js';
import { shrink } from './shrink.js';

/** ORACLE_CASES=10000 ORACLE_SEED=monday npx jest differential: more of them, and others. */
const CASES = Number(process.env['ORACLE_CASES'] ?? 1000);
const SEED = process.env['ORACLE_SEED'] ?? 'sluice';

/** What bears on ranking and picking. */
const RANKING: readonly Feature[] = [
  'sharing', 'caps', 'rejections', 'minimums', 'byClient', 'secondary', 'priceTables', 'manyRules', 'resets', 'quality', 'contractGroups',
];

/** A simulation draws by another hash, and tries leads that are held for a client again. */
const SIMULATED = FEATURES.filter((each) => each !== 'force');

/** First attempt in which the two readings do not agree: who was assigned, at which price, and the reason of everybody else. */
function firstDifference(scenario: Scenario): Difference | undefined {
  return difference(runOracle(scenario), runLive(scenario));
}

type Difference = [oracle: OracleLine | undefined, live: OracleLine | undefined];

function difference(oracle: readonly OracleLine[], live: readonly OracleLine[]): Difference | undefined {
  const same = (place: number) => JSON.stringify(sorted(oracle[place])) === JSON.stringify(sorted(live[place]));
  for (let place = 0; place < Math.max(oracle.length, live.length); place++) if (!same(place)) return [oracle[place], live[place]];
  return undefined;
}

function sorted(line: OracleLine | undefined): unknown {
  if (!line) return undefined;
  const assigned = line.assigned.map(({ contract, price }) => [contract, price]);
  return [line.at, line.lead, line.trigger, assigned, Object.entries(line.refused).sort()];
}

/** Runs the cases of a name; the first that differs is made small and shown with its seed. */
function compare(name: string, cases: number, features: readonly Feature[], methods: readonly Method[]): void {
  for (let place = 0; place < cases; place++) {
    const seed = `${SEED} ${name} ${place}`;
    const scenario = generateScenario(seed, features, methods);
    if (!firstDifference(scenario)) continue;
    const small = shrink(scenario, (smaller) => firstDifference(smaller) !== undefined);
    const [oracle, live] = firstDifference(small) ?? [];
    const parts = [`SEED=${seed}`, JSON.stringify(small, null, 1), 'oracle:', JSON.stringify(oracle), 'live:', JSON.stringify(live)];
    throw new Error(parts.join('\n'));
  }
}

/** Through `simulate`, less the steps it refuses: returns of what nobody holds, and windows that cannot be paused, resumed or opened. */
function simulated(scenario: Scenario): { scenario: Scenario; result: SimulationResult } {
  for (let left = scenario; ;) {
    try {
      return { scenario: left, result: simulate(left) };
    } catch (error) {
      const refused = /^timeline\[(\d+)\]: (?:contract .* does not hold|window of lead)/.exec(error instanceof Error ? error.message : '');
      if (!refused) throw error;
      left = { ...left, timeline: left.timeline?.filter((_, place) => place !== Number(refused[1])) };
    }
  }
}

/** By hand a simulation shows the gates of all contracts in scope, the oracle those of the chosen ones. */
function asOracle(lines: readonly AttemptLine[], oracle: readonly OracleLine[]): OracleLine[] {
  return lines.map(({ at, lead, trigger, assigned, refused }, place) => {
    const byHand = trigger === 'manual' || trigger === 'cherryPick';
    const chosen = Object.entries(refused).filter(([id]) => !byHand || id in (oracle[place]?.refused ?? {}));
    return { at: Date.parse(at), lead, trigger, assigned, refused: Object.fromEntries(chosen) };
  });
}

/** Who got what when, and how the windows ended. */
function windowDifference(windows: Scenario): unknown {
  const { scenario, result } = simulated(windows);
  const oracle = runWindows(scenario, 'together');
  const sold = (lines: readonly { at: string | number; lead: string; trigger: string; assigned: unknown[] }[]) => (
    lines.filter(({ assigned }) => assigned.length > 0)
      .map(({ at, lead, trigger, assigned }) => [new Date(at).toISOString(), lead, trigger, assigned]));
  const ends = Object.fromEntries(oracle.windows.map(({ lead, state }) => [lead, state]));
  const [ours, theirs] = [[sold(oracle.lines), ends], [sold(result.lines), result.summary.summary.windows]].map(([lines, states]) => (
    JSON.stringify([lines, Object.entries(states as object).sort()])));
  return ours === theirs ? undefined : { oracle: ours, live: theirs };
}

describe('the decision agrees with the second reading of the rules', () => {
  it(`on random set-ups with every method and every feature (${CASES} cases)`, () => {
    compare('all', CASES, FEATURES, METHODS);
  }, 1_800_000);

  it.each(METHODS)('%s alone, shared, capped, turned down', (method) => {
    const share = Math.ceil(CASES / 40);
    compare(method, share, RANKING, [method]);
  }, 1_800_000);

  it('so does a simulation of them', () => {
    for (let place = 0; place < CASES / 4; place++) {
      const drawn = generateScenario(`${SEED} simulation ${place}`, SIMULATED, METHODS.filter((each) => each !== 'random'));
      const { scenario, result } = simulated(drawn);
      const oracle = runOracle(scenario, 'together');
      const found = difference(oracle, asOracle(result.lines, oracle));
      const shown = (found ?? []).map((line) => JSON.stringify(line));
      if (found) throw new Error([`SEED=${scenario.name}`, JSON.stringify(scenario), ...shown].join('\n'));
    }
  }, 1_800_000);

  it('windows sell a lead at the instant at which it can first be sold, and end as they should', () => {
    for (let place = 0; place < CASES / 16; place++) {
      const scenario = generateWindows(`${SEED} windows ${place}`);
      if (windowDifference(scenario) === undefined) continue;
      const small = shrink(scenario, (smaller) => windowDifference(smaller) !== undefined);
      throw new Error([`SEED=${scenario.name}`, JSON.stringify(small), JSON.stringify(windowDifference(small))].join('\n'));
    }
  }, 1_800_000);

  it('push goes down to the same person at the same instant, and a held lead to who comes first', () => {
    const assigned = (lines: readonly { at: string | number; lead: string; assigned: unknown[] }[]) => JSON.stringify(
      lines.filter((line) => line.assigned.length > 0).map((line) => [new Date(line.at).toISOString(), line.lead, line.assigned]));
    for (let place = 0; place < CASES / 2; place++) {
      const scenario = generatePush(`${SEED} push ${place}`);
      const differs = (each: Scenario) => assigned(runPush(each)) !== assigned(simulate(each).lines);
      if (!differs(scenario)) continue;
      const small = shrink(scenario, differs);
      const both = [assigned(runPush(small)), assigned(simulate(small).lines)];
      throw new Error([`SEED=${scenario.name}`, JSON.stringify(small), ...both].join('\n'));
    }
  }, 1_800_000);

  it('sees a difference where there is one: a contract that pays another price', () => {
    const scenario = generateScenario('blind', [], ['price']);
    const cheaper = { ...scenario.config, contracts: scenario.config.contracts?.map((each) => ({ ...each, price: '1.11' })) };
    expect(difference(runOracle(scenario), runLive(scenario))).toBeUndefined();
    expect(difference(runOracle(scenario), runLive({ ...scenario, config: cheaper }))).toBeDefined();
  });
});
