import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testConfig } from './config.js';

/** What a run has started, noted so that its end can end it. */
export interface Started {
  /** What the specs connect to. */
  readonly address: string;
  readonly pid?: number;
  /** A JSON file whose `pid` names the process, where that changes while the run goes on. */
  readonly pidFile?: string;
  /** How the process is asked to end. */
  readonly signal?: NodeJS.Signals;
  readonly container?: string;
}

/** The folder of this run of the tests: servers keep their data and logs in it; it goes with the run. */
export function runFolder(): string {
  const folder = testConfig().SLUICE_TEST_RUN;
  if (!folder) throw new Error('SLUICE_TEST_RUN is not set: run the tests by the jest.config.js of the repository, whose globalSetup sets it.');
  return folder;
}

/**
 * The one server of a kind in this run: the first spec that asks starts it, the others wait for it, in this process or another.
 * A start that failed is not tried again; all get the same error.
 */
export async function once(kind: string, start: (folder: string) => Promise<Started>): Promise<Started> {
  const folder = runFolder();
  const note = path.join(folder, `${kind}.started.json`);
  const failure = path.join(folder, `${kind}.failed`);
  if (claim(path.join(folder, `${kind}.claim`))) {
    try {
      const started = await start(path.join(folder, kind));
      write(note, JSON.stringify(started));
      watch(folder);
    } catch (error) {
      write(failure, (error as Error).message);
    }
  }
  for (;;) {
    if (fs.existsSync(note)) return JSON.parse(fs.readFileSync(note, 'utf8')) as Started;
    if (fs.existsSync(failure)) throw new Error(fs.readFileSync(failure, 'utf8'));
    await sleep(50);
  }
}

/** Notes a server that one spec starts for itself, so that it ends with the run whatever happens to the spec. */
export function noteServer(name: string, started: Started): void {
  write(path.join(runFolder(), `${name}.started.json`), JSON.stringify(started));
  watch(runFolder());
}

/** Notes a database that the end of the run has to drop, on a server that stays. */
export function noteDatabase(server: string, database: string): void {
  write(path.join(runFolder(), `${database}.started.json`), JSON.stringify({ server, database }));
}

function claim(file: string): boolean {
  try {
    fs.writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whole or not at all: others look for the file at any moment. */
function write(file: string, text: string): void {
  fs.writeFileSync(`${file}.half`, text, { mode: 0o600 });
  fs.renameSync(`${file}.half`, file);
}

/** A run that is killed cannot end its servers; a small process of its own does it then. */
function watch(folder: string): void {
  const owner = testConfig().SLUICE_TEST_RUN_OWNER;
  if (!owner || !claim(path.join(folder, 'watch.claim'))) return;
  spawn(process.execPath, [path.join(testingFolder(), 'run', 'watch.mjs'), folder, owner], { detached: true, stdio: 'ignore' }).unref();
}

function testingFolder(): string {
  for (let at = process.cwd(); ; at = path.dirname(at)) {
    const found = path.join(at, 'libs', 'testing');
    if (fs.existsSync(path.join(found, 'run', 'watch.mjs'))) return found;
    if (at === path.dirname(at)) throw new Error('libs/testing is not above the working directory');
  }
}
