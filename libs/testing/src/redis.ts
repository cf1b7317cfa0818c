import { redisIsThere, startRedis } from '@sluice/servers';
import { testConfig } from './config.js';
import { containerOr, dockerIsPossible, startContainer } from './docker.js';
import { once, type Started } from './run.js';
import { conditionally } from './skipping.js';

/** The one Redis of this run, as redis://host:port: the one of TEST_REDIS_URL, else a container, else `redis-server` of the PATH. */
export async function testRedis(): Promise<string> {
  const given = testConfig().TEST_REDIS_URL;
  if (given) return given;
  const { address } = await once('redis', (dir) => containerOr('Redis', inContainer, async (): Promise<Started> => {
    const server = await startRedis({ dir, outlives: true });
    return { address: server.url, pid: server.pid };
  }));
  return address;
}

async function inContainer(): Promise<Started> {
  // The password-less mode of an image that is not the official one refuses all but its own machine.
  const container = await startContainer('redis:8', (shape) => shape
    .withCommand(['redis-server', '--protected-mode', 'no']).withExposedPorts(6379));
  return { address: `redis://${container.getHost()}:${container.getMappedPort(6379)}`, container: container.getId() };
}

/** `describe` for what needs Redis: skipped with a loud line where there is no way to one. */
export function describeWithRedis(name: string, body: () => void): void {
  const possible = testConfig().TEST_REDIS_URL !== undefined || dockerIsPossible() || redisIsThere();
  conditionally(name, body, possible ? undefined : 'no TEST_REDIS_URL, no engine for containers, and no `redis-server` on the PATH', false);
}
