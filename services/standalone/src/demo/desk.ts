import type { Api } from '../api.js';

/** How long the demo's users work and rest, in seconds. */
const SHIFTS = [{ user: 'ann', works: 60, rests: 60 }, { user: 'ben', works: 30, rests: 120 }] as const;
const SAID_EVERY_S = 10;

/** The users of the demo come and go, as a portal would say: while nobody is there calls are held, and released when somebody comes. */
export function manDesk(api: Api): { stop(): void } {
  let second = 0;
  const timer = setInterval(() => {
    const here = SHIFTS.filter(({ works, rests }) => second % (works + rests) < works).map(({ user }) => user);
    second += SAID_EVERY_S;
    // A platform that does not answer is asked again in ten seconds.
    if (here.length > 0) void api.call('POST', '/v1/users:seen', { body: { users: here } }).catch(() => undefined);
  }, SAID_EVERY_S * 1_000);
  return { stop: () => clearInterval(timer) };
}
