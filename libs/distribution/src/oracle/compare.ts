/** Runs a random case through both readings and says where they first differ; the case is then made as small as it can be. */
import type { Method } from '../document.js';
import type { AttemptLine, Scenario, SimulationResult } from '../scenario.js';
import { simulate } from '../simulate.js';
import { asScenario, type Case } from './case.js';
import type { Feature } from './draw.js';
import { generateScenario } from './generate.js';
import { runLive } from './live.js';
import { runOracle, runWindows, type OracleLine } from './run.js';
import { shrink } from './shrink.js';

export type Difference = [oracle: OracleLine | undefined, live: OracleLine | undefined];

const regex = (pattern: string) => new RegExp(pattern, 'i');

/** First attempt in which the two readings do not agree: who was assigned, at which price, and the reason of everybody else. */
export function firstDifference(drawn: Case): Difference | undefined {
  return difference(runOracle(drawn), runLive(drawn));
}

export function difference(oracle: readonly OracleLine[], live: readonly OracleLine[]): Difference | undefined {
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
export function compare(seed: string, cases: number, features: readonly Feature[], methods: readonly Method[]): void {
  search(cases, (place) => generateScenario(`${seed} ${place}`, features, methods), firstDifference);
}

/** Throws for the first case that shows a difference, with its seed, its smallest form and what differs in it. */
export function search(cases: number, generate: (place: number) => Case, differs: (drawn: Case) => unknown): void {
  for (let place = 0; place < cases; place++) {
    const drawn = generate(place);
    if (differs(drawn) === undefined) continue;
    const small = shrink(drawn, (smaller) => differs(smaller) !== undefined);
    throw new Error([`SEED=${drawn.name}`, JSON.stringify(small, null, 1), JSON.stringify(differs(small), null, 1)].join('\n'));
  }
}

/** Through `simulate`, less the steps it refuses: returns of what nobody holds, and windows that cannot be paused, resumed or opened. */
function simulated(drawn: Case): { scenario: Scenario; result: SimulationResult } {
  for (let left = asScenario(drawn); ;) {
    try {
      const result = simulate(left, { regex });
      const refused = result.refusedSteps.map(({ step }) => step);
      return { scenario: { ...left, timeline: left.timeline?.filter((_, place) => !refused.includes(place)) }, result };
    } catch (error) {
      const refused = /^timeline\[(\d+)\]: no (?:contract|order) /.exec(error instanceof Error ? error.message : '');
      if (!refused) throw error;
      left = { ...left, timeline: left.timeline?.filter((_, place) => place !== Number(refused[1])) };
    }
  }
}

function asCase(scenario: Scenario): Case {
  const timeline = scenario.timeline?.map((step) => (
    'lead' in step ? { ...step, lead: { ...step.lead, campaign: step.lead.campaign ?? '' } } : step));
  return { ...scenario, timeline: timeline as Case['timeline'] };
}

/** By hand a simulation shows the gates of all contracts in scope, the oracle those of the chosen ones. */
function asOracle(lines: readonly AttemptLine[], oracle: readonly OracleLine[]): OracleLine[] {
  return lines.map(({ at, lead, trigger, assigned, refused }, place) => {
    const byHand = trigger === 'manual' || trigger === 'cherryPick';
    const chosen = Object.entries(refused).filter(([id]) => !byHand || id in (oracle[place]?.refused ?? {}));
    return { at: Date.parse(at), lead, trigger, assigned, refused: Object.fromEntries(chosen) };
  });
}

/** The same of a simulation, in which nothing falls back that was distributed by hand. */
export function simulatedDifference(drawn: Case): Difference | undefined {
  const { scenario, result } = simulated(drawn);
  const oracle = runOracle(asCase(scenario), 'notByHand');
  return difference(oracle, asOracle(result.lines, oracle));
}

/** Who got what when, and how the windows ended. */
export function windowDifference(drawn: Case): unknown {
  const { scenario, result } = simulated(drawn);
  const oracle = runWindows(scenario, 'notByHand');
  const ends = Object.fromEntries(oracle.windows.map(({ lead, state }) => [lead, state]));
  const [ours, theirs] = [[sold(oracle.lines), ends], [sold(result.lines), result.summary.summary.windows]].map(([lines, states]) => (
    JSON.stringify([lines, Object.entries(states as object).sort()])));
  return ours === theirs ? undefined : { oracle: ours, live: theirs };
}

/** Who got what when, of leads that are held for the client they name. */
export function heldDifference(drawn: Case): unknown {
  const { scenario, result } = simulated(drawn);
  const [ours, theirs] = [runOracle(scenario, 'notByHand'), result.lines].map((lines) => JSON.stringify(sold(lines)));
  return ours === theirs ? undefined : { oracle: ours, live: theirs };
}

type Line = { at: string | number; lead: string; trigger: string; assigned: unknown[] };

function sold(lines: readonly Line[]): unknown[] {
  return lines.filter(({ assigned }) => assigned.length > 0)
    .map(({ at, lead, trigger, assigned }) => [new Date(at).toISOString(), lead, trigger, assigned]);
}

/** Who got what when, of a push scenario. */
export function pushDifference(drawn: Case, oracle: (scenario: Scenario) => readonly Line[]): unknown {
  const scenario = asScenario(drawn);
  const [ours, theirs] = [oracle(scenario), simulate(scenario).lines].map((lines) => JSON.stringify(sold(lines)));
  return ours === theirs ? undefined : { oracle: ours, live: theirs };
}
