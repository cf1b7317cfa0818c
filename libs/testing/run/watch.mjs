// node watch.mjs FOLDER PID — ends the servers of a run whose process was killed before it could.
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { endServers } from './end-servers.mjs';

const [folder, pid] = process.argv.slice(2);
const lives = () => {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch {
    return false;
  }
};
while (lives() && fs.existsSync(folder)) await sleep(1000);
await sleep(500);
await endServers(folder);
