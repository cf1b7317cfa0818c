import { Log1764000000000 } from './1764000000000-log.js';

/** The schema of the log. Runs before the services' own. */
export const busMigrations = [Log1764000000000] as const;
