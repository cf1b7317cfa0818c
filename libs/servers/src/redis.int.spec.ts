import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { createClient } from 'redis';
import { redisIsThere, startRedis } from './index.js';
import { isAlive } from './process.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-redis-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

if (!redisIsThere()) process.stderr.write('\n!!! SKIPPED: the local Redis — there is no `redis-server` on the PATH\n\n');

(redisIsThere() ? describe : describe.skip)('the local Redis', () => {
  it('takes connections, keeps nothing on disk, and replaces the one that a killed process left', async () => {
    const first = await startRedis({ dir: folder });
    const client = await createClient({ url: first.url }).on('error', () => undefined).connect();
    await client.set('a', '1');
    expect(await client.get('a')).toBe('1');
    client.destroy();
    const second = await startRedis({ dir: folder });
    expect(isAlive(first.pid)).toBe(false);
    await second.stop();
    expect(isAlive(second.pid)).toBe(false);
    expect(fs.readdirSync(folder).sort()).toEqual(['redis.json', 'redis.log']);
  });
});
