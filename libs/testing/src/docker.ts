import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { GenericContainer, StartedTestContainer } from 'testcontainers';
import { testConfig } from './config.js';

/** Whether there may be an engine: an address was given, or a socket stands in its usual place. */
export function dockerIsPossible(): boolean {
  const config = testConfig();
  if (config.SLUICE_TEST_DOCKER === '0') return false;
  if (config.DOCKER_HOST) return true;
  return ['/var/run/docker.sock', path.join(os.homedir(), '.docker/run/docker.sock')].some((socket) => fs.existsSync(socket));
}

let answer: Promise<boolean> | undefined;

/** Whether an engine answers. Asked once a process. */
export async function dockerAnswers(): Promise<boolean> {
  answer ??= (async () => {
    if (!dockerIsPossible()) return false;
    try {
      const { getContainerRuntimeClient } = await import('testcontainers');
      await getContainerRuntimeClient();
      return true;
    } catch (error) {
      const [why] = (error as Error).message.split('\n');
      process.stderr.write(`An engine for containers seems to be there but does not answer (${why}); local servers are used.\n`);
      return false;
    }
  })();
  return answer;
}

/** A server in a container where an engine answers and has the image; the local one else, and it is said why. */
export async function containerOr<T>(what: string, container: () => Promise<T>, local: () => Promise<T>): Promise<T> {
  if (!(await dockerAnswers())) return local();
  try {
    return await container();
  } catch (error) {
    const [why] = (error as Error).message.split('\n');
    process.stderr.write(`\n!!! The container for ${what} did not start (${why}); a local server is used.\n\n`);
    return local();
  }
}

/** Starts a container that the end of the run removes (not the spec, and no helper container: other specs use it too). */
export async function startContainer(
  image: string,
  shape: (container: GenericContainer) => GenericContainer,
): Promise<StartedTestContainer> {
  const { GenericContainer } = await import('testcontainers');
  return shape(new GenericContainer(image)).withAutoRemove(false).start();
}
