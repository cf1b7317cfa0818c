import os from 'node:os';
import path from 'node:path';

/** The PATH of this process, where java, mvn and redis-server are looked for. */
export function searchedPath(): string {
  return process.env.PATH ?? '';
}

/**
 * What a server of ours inherits: no variable of the user's (PGDATA, PGPORT, LC_ALL, KAFKA_OPTS …) may change what it does.
 * `more` names those that a program does need.
 */
export function serverEnvironment(...more: readonly string[]): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'SystemRoot', 'TEMP', 'TMPDIR', 'TZDIR', ...more];
  return { LC_ALL: 'C', TZ: 'UTC', ...Object.fromEntries(kept.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))) };
}

/** Where downloads are kept between runs: `SLUICE_CACHE`, else `sluice` in the user's cache folder. */
export function cacheFolder(): string {
  return process.env.SLUICE_CACHE ?? path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'sluice');
}
