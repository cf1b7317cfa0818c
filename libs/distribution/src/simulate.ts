import type { RegexEngine } from './market.js';
import type { AttemptLine, Scenario, SimulationResult } from './scenario.js';

export interface SimulateOptions {
  regex?: RegexEngine;
  /** Hears each attempt as it is made; with it, lines are not kept. */
  onLine?: (line: AttemptLine) => void;
  /** Steps of the time line done, and of how many. */
  onProgress?: (done: number, of: number) => void;
}

/** Runs a scenario on a virtual clock, in memory, on the live decision code. Throws RangeError for a document or time line that is refused. */
export function simulate(_scenario: Scenario, _options: SimulateOptions = {}): SimulationResult {
  throw new Error('not built yet');
}
