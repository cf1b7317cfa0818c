export { AdminAuthenticator } from './admin-authenticator.service.js';
export { createTenant, ensureFirstTenant, type FirstTenant } from './first-tenant.service.js';
export type { Funnel } from './funnel.js';
export { GatewayModule, gatewayService } from './gateway.module.js';
export { RebuildService } from './rebuild.service.js';
