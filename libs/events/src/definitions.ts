import type { EventDefinition } from './event.js';
import * as billing from './billing.events.js';
import * as delivery from './delivery.events.js';
import * as distribution from './distribution.events.js';
import * as gateway from './gateway.events.js';
import * as intake from './intake.events.js';
import * as workflow from './workflow.events.js';

/** Every event that this version knows, by its full name. What is not here is newer than the process, and is parked. */
export const definitions: ReadonlyMap<string, EventDefinition> = new Map(
  [intake, workflow, distribution, delivery, billing, gateway].flatMap((producer) => Object.values(producer) as EventDefinition[])
    .map((event) => [event.type, event]),
);
