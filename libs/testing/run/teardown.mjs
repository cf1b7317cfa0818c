import { endServers } from './end-servers.mjs';

export default async function teardown() {
  const folder = process.env.SLUICE_TEST_RUN;
  if (folder) await endServers(folder);
}
