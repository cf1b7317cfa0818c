import { describe, it } from '@jest/globals';
import { compare, heldDifference, pushDifference, search, simulatedDifference, windowDifference } from './compare.js';
import { FEATURES, METHODS, ONLY_LIVE, type Feature } from './draw.js';
import { generateHeld, generateScenario, generateWindows } from './generate.js';
import { generatePush } from './generate-push.js';
import { runPush } from './push.js';

const CASES = Number(process.env['ORACLE_CASES'] ?? 10_000);
const SEED = process.env['ORACLE_SEED'] ?? 'sluice';

/** What bears on ranking and picking. */
const RANKING: readonly Feature[] = [
  'sharing', 'caps', 'rejections', 'minimums', 'byClient', 'secondary', 'priceTables', 'manyRules', 'resets', 'quality', 'contractGroups',
  'pointer', 'late',
];

/** A simulation draws by another hash, and tries leads that are held for a client again. */
const SIMULATED = FEATURES.filter((each) => each !== 'force' && !ONLY_LIVE.includes(each));

describe('the second reading of the rules agrees with', () => {
  it.each(METHODS)('%s alone, shared, capped, turned down', (method) => {
    compare(`${SEED} ${method}`, Math.ceil(CASES / 40), RANKING, [method]);
  }, 3_600_000);

  it('a simulation', () => {
    const methods = METHODS.filter((each) => each !== 'random');
    search(CASES / 20, (place) => generateScenario(`${SEED} simulation ${place}`, SIMULATED, methods), simulatedDifference);
  }, 3_600_000);

  it('leads that wait for the client they name', () => {
    search(CASES / 80, (place) => generateHeld(`${SEED} held ${place}`), heldDifference);
  }, 3_600_000);

  it('windows that sell a lead at the instant at which it can first be sold, and end as they should', () => {
    search(CASES / 40, (place) => generateWindows(`${SEED} windows ${place}`), windowDifference);
  }, 3_600_000);

  it('push that goes down to the same person at the same instant, and a held lead to who comes first', () => {
    search(CASES / 10, (place) => generatePush(`${SEED} push ${place}`), (drawn) => pushDifference(drawn, runPush));
  }, 3_600_000);
});
