/** Random push scenarios: a tree of two levels, people who come and go, limits that fill, leads that wait. */
import { seededRandom, type SeededRandom } from '@sluice/kernel';
import type { PushStrategy, Recipient } from '../document.js';
import type { Scenario, ScenarioStep } from '../scenario.js';

const START = Date.parse('2026-03-06T15:00:00Z');
const ZONES = ['America/New_York', 'UTC', 'Australia/Lord_Howe'];
const USERS = ['u1', 'u2', 'u3', 'u4'];

export function generatePush(seed: string): Scenario {
  const random = seededRandom(seed);
  const strategies = [
    strategyOf(random, 'top', 'corporate', [...USERS.slice(0, 2), 'east', 'west']),
    ...(random.chance(0.3) ? [strategyOf(random, 'second', 'corporate', USERS)] : []),
    ...(random.chance(0.8) ? [strategyOf(random, 'in-east', 'east', USERS.slice(1))] : []),
    ...(random.chance(0.5) ? [strategyOf(random, 'in-west', 'west', USERS)] : []),
  ];
  const timeline: ScenarioStep[] = [];
  let at = START;
  const pace = random.pick([300, 3600, 20_000]);
  const refusing = random.chance(0.5);
  const changing = random.chance(0.3);
  for (let place = random.int(5, 22); place > 0; place--) {
    at += random.int(1, pace) * 1000 + 7;
    const fields = random.chance(0.8) ? { state: random.pick(['NY', 'TX']) } : undefined;
    const rejectedBy = refusing ? USERS.filter(() => random.chance(0.3)) : [];
    timeline.push(random.chance(0.5) ? { at: iso(at), seen: { user: random.pick(USERS) } }
      : { at: iso(at), lead: { id: `L${place}`, campaign: 'm', ...(fields && { fields }) }, ...(refusing && { rejectedBy }) });
    if (changing && random.chance(0.15)) timeline.push({ at: iso(at), set: changeOf(random, random.pick(strategies)) });
  }
  return {
    name: seed, timeline, until: iso(at + 3 * 86_400_000),
    config: {
      apiVersion: 'v1', timezone: random.pick(ZONES), campaigns: [{ id: 'm', fields: { state: { type: 'string' } } }],
      pushStrategies: strategies,
    },
  };
}

/** Other weights, other numbers in the same caps or others, which count what was given before; another span of activity. */
function changeOf(random: SeededRandom, { id, recipients, onlyActiveWithin }: PushStrategy): Record<string, unknown> {
  const renumbered = recipients.map(({ caps, weight, ...recipient }): Recipient => ({
    ...recipient, ...(weight === undefined ? {} : { weight: random.pick([1, 2, 0.5]) }),
    ...(random.chance(0.6) ? caps && { caps: Object.fromEntries(Object.keys(caps).map((window) => [window, random.int(1, 3)])) }
      : { caps: { [random.pick(['hour', 'day'])]: random.int(1, 3), timezone: random.pick(ZONES) } }),
  }));
  const active = onlyActiveWithin === undefined ? {} : { onlyActiveWithin: random.pick(['PT30M', 'PT5H']) };
  return { pushStrategies: { [id]: random.chance(0.5) ? { recipients: renumbered } : active } };
}

function strategyOf(random: SeededRandom, id: string, from: string, pool: readonly string[]): PushStrategy {
  const recipients = random.shuffle(pool).slice(0, random.int(1, pool.length)).map((to): Recipient => ({
    to, ...(random.chance(0.85) ? { weight: random.pick([1, 1, 2, 3, 0.5]) } : {}),
    ...(random.chance(0.3) ? { caps: random.chance(0.5) ? { hour: random.int(1, 2) } : { day: random.int(1, 3) } } : {}),
    ...(random.chance(0.2) ? { criteria: { field: 'state', op: 'equals' as const, value: 'NY' } } : {}),
  }));
  return {
    id, from, recipients, ...(from === 'corporate' || random.chance(0.5) ? { campaigns: ['m'] } : {}),
    method: random.pick(['roundRobin', 'weighted']), reset: random.pick(['never', 'never', 'daily', '7days']),
    ...(random.chance(0.5) ? { timezone: random.pick(ZONES) } : {}),
    ...(random.chance(0.6) ? { onlyActiveWithin: random.pick(['PT30M', 'PT5H']) } : {}),
    ...(random.chance(0.25) ? { criteria: { field: 'state', op: 'in' as const, value: ['NY'] } } : {}),
    ...(from === 'corporate' && random.chance(0.4) ? { timeout: { after: random.pick(['PT1H', 'P1D']), to: random.pick(USERS) } } : {}),
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
