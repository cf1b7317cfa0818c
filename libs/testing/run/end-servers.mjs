// Ends what a run of the tests has started and noted in its folder: processes, containers, databases on a server that was given.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** @param {string} folder of the run; removed at the end */
export async function endServers(folder) {
  if (!fs.existsSync(folder)) return;
  const notes = fs.readdirSync(folder).filter((name) => name.endsWith('.started.json'))
    .map((name) => JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')));
  if (process.env.SLUICE_TEST_KEEP === '1') {
    for (const note of notes) process.stdout.write(`kept: ${JSON.stringify(note)}\n`);
    return;
  }
  for (const { database, server } of notes) if (database) await dropDatabase(server, database);
  for (const { container } of notes) if (container) await removeContainer(container);
  await Promise.all(notes.map(({ pid, pidFile, signal }) => {
    const id = pid ?? (pidFile && fs.existsSync(pidFile) ? JSON.parse(fs.readFileSync(pidFile, 'utf8')).pid : undefined);
    return id ? end(id, signal ?? 'SIGTERM') : undefined;
  }));
  fs.rmSync(folder, { recursive: true, force: true });
}

async function end(pid, signal) {
  for (const next of [signal, 'SIGKILL']) {
    try {
      process.kill(pid, next);
      for (let i = 0; i < 300; i++) {
        process.kill(pid, 0);
        await sleep(50);
      }
    } catch {
      return;
    }
  }
}

async function dropDatabase(server, database) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: server });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`ALTER DATABASE "${database}" IS_TEMPLATE false`);
    await client.query(`DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`);
  } catch (error) {
    process.stderr.write(`The test database ${database} could not be dropped: ${error.message}\n`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function removeContainer(id) {
  const { getContainerRuntimeClient } = await import('testcontainers');
  const client = await getContainerRuntimeClient();
  await client.container.getById(id).remove({ force: true, v: true }).catch(() => undefined);
}
