import { describe, expect, it } from '@jest/globals';
import { compare, difference } from './compare.js';
import { FEATURES, METHODS } from './draw.js';
import { generateScenario } from './generate.js';
import { runLive } from './live.js';
import { runOracle } from './run.js';

/** ORACLE_CASES=30000 ORACLE_SEED=monday npx jest differential: more of them, and others. */
const CASES = Number(process.env['ORACLE_CASES'] ?? 10_000);
const SEED = process.env['ORACLE_SEED'] ?? 'sluice';

describe('the decision agrees with the second reading of the rules', () => {
  it(`on random set-ups with every method and every feature (${CASES} cases)`, () => {
    compare(`${SEED} all`, CASES, FEATURES, METHODS);
  }, 3_600_000);

  it('sees a difference where there is one: a contract that pays another price', () => {
    const scenario = generateScenario('blind', [], ['price']);
    const cheaper = { ...scenario.config, contracts: scenario.config.contracts?.map((each) => ({ ...each, price: '1.11' })) };
    expect(difference(runOracle(scenario), runLive(scenario))).toBeUndefined();
    expect(difference(runOracle(scenario), runLive({ ...scenario, config: cheaper }))).toBeDefined();
  });
});
