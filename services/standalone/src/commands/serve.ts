import { ensureFirstTenant } from '@sluice/gateway';
import { PinoLog } from '@sluice/runtime';
import { environment, type Role, type Settings } from '../config.js';
import { DataFolder } from '../data-folder.js';
import { startPlatform } from '../platform.js';

/** Some services as one process. Answers once they run. */
export async function serve(settings: Settings, roles: readonly Role[]): Promise<{ stop(): Promise<void> }> {
  if (!settings.DATABASE_URL) throw new Error('"serve" needs DATABASE_URL. For everything on this machine without one, use "sluice dev".');
  if (!settings.SLUICE_SERVICE_SECRET) {
    throw new Error('"serve" needs SLUICE_SERVICE_SECRET, the same for all processes: at least 32 characters, for instance from "openssl rand -base64 32".');
  }
  const log = new PinoLog(roles.length > 2 ? 'all' : roles.join('+'), settings.SLUICE_LOG_LEVEL);
  const platform = await startPlatform({
    settings, roles, log, environment, port: settings.SLUICE_PORT,
    databaseUrl: settings.DATABASE_URL, serviceSecret: settings.SLUICE_SERVICE_SECRET,
  });
  if (roles.includes('gateway')) {
    const keyFile = new DataFolder(settings.SLUICE_DATA).file('admin.key');
    await ensureFirstTenant(platform.database, { keyFile });
    log.info({ keyFile }, 'the key of the first administrator is in this file');
  }
  return { stop: () => platform.close() };
}
