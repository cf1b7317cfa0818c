// What has to be there before anything of ours can run: dependencies and compiled code. Plain Node, no dependency.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const say = (text) => process.stderr.write(`${text}\n`);

/** Refuses a Node that is too old, before an import of ours fails with a riddle. */
export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  say(`Sluice needs Node 20.19 or newer; this is ${process.versions.node}. Install a current Node (https://nodejs.org) and run the command again.`);
  process.exit(1);
}

/** Installs exactly what the lock says, without scripts. `dev`: the tools of the tests as well. */
export function install({ dev }) {
  const lock = createHash('sha256').update(readFileSync(path.join(root, 'package-lock.json'))).digest('hex');
  const stamp = path.join(root, 'node_modules/.sluice-installed');
  const found = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
  if (found === `${lock} all` || (!dev && found === `${lock} production`)) return;
  // Installed by hand (`npm ci`): the lock inside node_modules says what is there.
  if (!found && existsSync(path.join(root, 'node_modules/.package-lock.json')) && (!dev || existsSync(path.join(root, 'node_modules/jest')))) return;
  say(`Installing ${dev ? 'dependencies and test tools' : 'dependencies'} (once) …`);
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', ...(dev ? [] : ['--omit=dev'])], 'The dependencies could not be installed. Is the npm registry reachable?');
  writeFileSync(stamp, `${lock} ${dev ? 'all' : 'production'}`);
}

/** Compiles what changed of what runs (the library of the tests needs tools that a newcomer has not). The compiler keeps its own account. */
export function build() {
  if (!existsSync(path.join(root, 'services/standalone/dist/main.js'))) say('Compiling (once) …');
  const compiler = path.join(root, 'node_modules/tsc7/bin/tsc');
  const result = spawnSync(process.execPath, [compiler, '-b', 'services/standalone'], { cwd: root, encoding: 'utf8' });
  if (result.status === 0) return;
  say(result.stdout + result.stderr);
  say('The code did not compile.');
  process.exit(1);
}

function run(command, args, failure) {
  try {
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' });
  } catch {
    say(failure);
    process.exit(1);
  }
}
