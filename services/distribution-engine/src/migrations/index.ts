import { Engine1764000000001 } from './1764000000001-engine.js';
import { EngineWaits1764100000001 } from './1764100000001-waits.js';
import { EngineAnswers1764200000001 } from './1764200000001-answers.js';
import { EngineScripts1764300000001 } from './1764300000001-scripts.js';
import { EngineCaps1764400000001 } from './1764400000001-caps.js';
import { EngineUncounted1764500000001 } from './1764500000001-uncounted.js';

/** In the order in which they are run. */
export const engineMigrations = [
  Engine1764000000001, EngineWaits1764100000001, EngineAnswers1764200000001, EngineScripts1764300000001, EngineCaps1764400000001,
  EngineUncounted1764500000001,
];
