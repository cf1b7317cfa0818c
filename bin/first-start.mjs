#!/usr/bin/env node
// Starts the product in an empty folder as a newcomer does, waits until leads are delivered, and stops it with Ctrl-C's signal.
// Ends with 0 where all of that went well. Runs with the Node that runs this file.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './prepare.mjs';

const began = performance.now();
const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-first-start-'));
const product = spawn(process.execPath, ['bin/start.mjs'], {
  cwd: root, stdio: ['ignore', 'pipe', 'pipe'],
  env: {
    ...withoutOurs(process.env), SLUICE_DATA: folder, SLUICE_PORT: String(await freePort()),
    PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`,
  },
});
const output = [];
product.stdout.on('data', (data) => output.push(String(data)));
product.stderr.on('data', (data) => output.push(String(data)));
const ended = new Promise((resolve) => product.once('exit', (code, signal) => resolve(code ?? signal)));
let over = false;
void ended.then(() => { over = true; });

try {
  const note = await until('it notes its address', 120_000, () => read(path.join(folder, 'runtime.json')));
  const get = async (where) => fetch(`${note.url}${where}`, { headers: { authorization: `Bearer ${note.adminKey}` }, signal: AbortSignal.timeout(5000) });
  await until('it is ready', 30_000, async () => (await get('/ready')).ok);
  console.log(`ready after ${seconds()} on Node ${process.versions.node}`);
  for (const where of ['/', '/docs']) {
    const { status } = await get(where);
    if (status >= 500 || (where !== '/' && status !== 200)) throw new Error(`${where} answers ${status}`);
  }
  const funnel = await until('leads are delivered', 60_000, async () => {
    const found = await (await get('/v1/funnel')).json();
    return found.accepted > 0 ? found : undefined;
  });
  console.log(`leads delivered after ${seconds()}: ${JSON.stringify(funnel)}`);
  product.kill('SIGINT');
  const end = await Promise.race([ended, sleep(60_000, 'no end within 60 s', { ref: false })]);
  if (end !== 0) throw new Error(`after SIGINT: ${end}`);
  if (fs.readdirSync(folder).some((name) => fs.existsSync(path.join(folder, name, 'postmaster.pid')))) throw new Error('the database still runs');
  console.log(`stopped after ${seconds()}`);
} catch (error) {
  console.log(`The product did not start and stop as it should: ${error.message}\n${output.join('').split('\n').slice(-40).join('\n')}`);
  for (const log of ['sluice.log', 'postgres.log']) {
    if (fs.existsSync(path.join(folder, log))) console.log(`${log}:\n${fs.readFileSync(path.join(folder, log), 'utf8').split('\n').slice(-20).join('\n')}`);
  }
  process.exitCode = 1;
  if (!over) product.kill('SIGTERM');
  await Promise.race([ended, sleep(20_000, undefined, { ref: false })]);
  if (!over) product.kill('SIGKILL');
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}

/** A newcomer has none of our settings. */
function withoutOurs(environment) {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(SLUICE_|DATABASE_URL|KAFKA_BROKERS|REDIS_URL|OTEL_)/.test(name)));
}

async function until(what, timeoutMs, probe) {
  const end = performance.now() + timeoutMs;
  let last = '';
  while (performance.now() < end) {
    if (over) throw new Error(`it ended before ${what}`);
    try {
      const found = await probe();
      if (found) return found;
    } catch (error) {
      last = `: ${error.message}`;
    }
    await sleep(250);
  }
  throw new Error(`${timeoutMs / 1000} s passed before ${what}${last}`);
}

function read(file) {
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined;
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
