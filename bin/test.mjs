#!/usr/bin/env node
// `npm test [-- PART …]`: everything a change has to pass, on a machine with nothing but Node. The last line is `N passed, N failed`.
//
//   static   types, lint, the wire schema          (also one by one: types, lint, proto)
//   unit     specs that need nothing               int   specs with real servers
//   bus      the suite of the log on every driver  e2e   stories on the whole process
//   anything else goes to jest as part of a path
//
//   --also-kafka VERSION   the bus suite once more, on that version of Kafka
//   --start-with NODE      starts the product once with that Node, in an empty folder
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkNode, install, root } from './prepare.mjs';

checkNode();
install({ dev: true });

const { values: options, positionals: parts } = parseArgs({
  allowPositionals: true,
  options: { 'also-kafka': { type: 'string', multiple: true, default: [] }, 'start-with': { type: 'string', multiple: true, default: [] } },
});
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-npm-test-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));
// The daemon of nx would live on after the tests.
const environment = { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false', PATH: `${path.join(root, 'node_modules/.bin')}${path.delimiter}${process.env.PATH}` };
const total = { passed: 0, failed: 0, skipped: 0 };
const faults = [];
/** No part of this may hang for ever where nobody watches. */
const limitMs = 60 * 60_000;

const jestParts = {
  unit: ['--testPathIgnorePatterns', '\\.(int|e2e|sim)\\.spec\\.ts$', '/libs/bus/'],
  int: ['--testPathPatterns', '\\.int\\.spec\\.ts$'],
  bus: ['--testPathPatterns', '/libs/bus/'],
  e2e: ['--testPathPatterns', '\\.(e2e|sim)\\.spec\\.ts$'],
};
const staticParts = ['types', 'lint', 'proto'];

const wanted = parts.length === 0 ? [...staticParts, 'jest'] : parts.flatMap((part) => (part === 'static' ? staticParts : [part]));
// Child processes of the tests run the compiled code, so that it comes first whatever was asked for.
await check('types of the code', process.execPath, ['node_modules/tsc7/bin/tsc', '-b']);
if (wanted.includes('types')) await check('types of the specs', process.execPath, ['node_modules/tsc7/bin/tsc', '-p', 'tsconfig.specs.json']);
if (wanted.includes('lint')) await check('lint', bin('nx'), ['run-many', '-t', 'lint', '--outputStyle=static']);
if (wanted.includes('proto')) await checkProto();
for (const version of options['also-kafka']) await jest(`the bus on Kafka ${version}`, jestParts.bus, { SLUICE_TEST_KAFKA_VERSION: version });
const others = wanted.filter((part) => !staticParts.includes(part));
for (const part of others.filter((name) => name in jestParts)) await jest(part, jestParts[part]);
if (others.includes('jest')) await jest('all tests', []);
const paths = others.filter((part) => part !== 'jest' && !(part in jestParts));
if (paths.length > 0) await jest(paths.join(' '), ['--testPathPatterns', ...paths]);
for (const node of options['start-with']) await check(`the product starts with ${nodeVersion(node)}`, node, ['bin/first-start.mjs']);

console.log('');
for (const fault of faults) console.log(`FAILED: ${fault}`);
if (total.skipped > 0) console.log(`!!! ${total.skipped} SKIPPED (their reasons stand above)`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);

function bin(name) {
  return path.join(root, 'node_modules/.bin', process.platform === 'win32' ? `${name}.cmd` : name);
}

function nodeVersion(node) {
  return `Node ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim() || `at ${node}, which does not run`}`;
}

function count(name, passed, output = '') {
  if (passed) total.passed++;
  else {
    total.failed++;
    faults.push(name);
    if (output) console.log(output.trimEnd());
  }
}

/** One program that passes or fails; it says something only where it fails. */
async function check(name, command, args, env = {}) {
  process.stdout.write(`▸ ${name} … `);
  const began = performance.now();
  const output = [];
  const child = spawn(command, args, { cwd: root, env: { ...environment, ...env }, stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' });
  child.stdout.on('data', (data) => output.push(data));
  child.stderr.on('data', (data) => output.push(data));
  const code = await ended(child);
  console.log(`${code === 0 ? 'ok' : 'FAILED'} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  count(name, code === 0, Buffer.concat(output).toString());
}

async function ended(child) {
  const timer = setTimeout(() => {
    console.log(`No end after ${limitMs / 60_000} minutes; stopping it.`);
    child.kill('SIGKILL');
  }, limitMs);
  const code = await new Promise((resolve) => {
    child.once('error', (error) => { console.log(error.message); resolve(-1); });
    child.once('close', (exit, signal) => resolve(exit ?? signal));
  });
  clearTimeout(timer);
  return code;
}

async function checkProto() {
  await check('the wire schema is in good style', bin('buf'), ['lint']);
  await check('the wire schema breaks nothing that was published', bin('buf'), ['breaking', '--against', 'proto/image.binpb']);
  const fresh = path.join(scratch, 'generated');
  await check('code is generated from the wire schema', bin('buf'), ['generate', '-o', fresh]);
  const stale = differences(path.join(fresh, 'libs/events/src/gen'), path.join(root, 'libs/events/src/gen'));
  count('the generated code is that of the wire schema', stale.length === 0, `Stale, run "npm run gen": ${stale.join(', ')}`);
}

/** Files that are not the same in both folders. */
function differences(one, other) {
  const files = (folder) => (fs.existsSync(folder) ? fs.readdirSync(folder, { recursive: true, withFileTypes: true }) : [])
    .filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)));
  const text = (folder, file) => (fs.existsSync(path.join(folder, file)) ? fs.readFileSync(path.join(folder, file), 'utf8') : undefined);
  return [...new Set([...files(one), ...files(other)])].filter((file) => text(one, file) !== text(other, file));
}

/** Runs jest with its own live output, and takes the numbers from its report. */
async function jest(name, args, env = {}) {
  console.log(`▸ ${name} …`);
  const report = path.join(scratch, `jest-${total.passed}-${total.failed}-${faults.length}.json`);
  const child = spawn(process.execPath, ['node_modules/jest/bin/jest.js', '--forceExit', '--json', '--outputFile', report, ...args],
    { cwd: root, env: { ...environment, ...env }, stdio: ['ignore', 'inherit', 'inherit'] });
  const code = await ended(child);
  if (!fs.existsSync(report)) return count(`${name}: jest ended with ${code} and no report`, false);
  const result = JSON.parse(fs.readFileSync(report, 'utf8'));
  total.passed += result.numPassedTests;
  total.failed += result.numFailedTests;
  total.skipped += result.numPendingTests + result.numTodoTests;
  for (const { name: file, assertionResults, status, message } of result.testResults) {
    const failed = assertionResults.filter((test) => test.status === 'failed');
    for (const test of failed) faults.push(`${path.relative(root, file)}: ${test.fullName}`);
    // A file that cannot even be loaded, or fails outside its tests, has no failed test to count.
    if (status === 'failed' && failed.length === 0) count(`${path.relative(root, file)}: ${message.split('\n')[0]}`, false);
  }
  if (code !== 0 && result.success) count(`${name}: jest ended with ${code}`, false);
  if (result.numTotalTests === 0) count(`${name}: there is no such test`, false);
}
