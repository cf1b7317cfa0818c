/** The crash points that this process has passed, for the test that sweeps them all. */
const known = new Set<string>();

let armed: string | undefined;

/** Arms one crash point: the process ends by SIGKILL the moment it comes by. Given by the configuration of tests, never in production. */
export function armCrashPoint(name: string | undefined): void {
  armed = name;
}

/** Names a place in the code where a crash must lose and double nothing. Costs a comparison. */
export function crashPoint(name: string): void {
  if (armed === undefined) return;
  known.add(name);
  if (armed === name) process.kill(process.pid, 'SIGKILL');
}

export function knownCrashPoints(): readonly string[] {
  return [...known];
}
