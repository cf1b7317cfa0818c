import type { INestApplicationContext } from '@nestjs/common';
import { deliveryService } from '@sluice/delivery';
import { engineService } from '@sluice/distribution-engine';
import { AdminAuthenticator, gatewayService } from '@sluice/gateway';
import { intakeService, SourceAuthenticator } from '@sluice/intake';
import { type Authenticator, GuardedHttpSender, type HttpSender, type ServiceDefinition } from '@sluice/runtime';
import { workflowService } from '@sluice/workflow';
import type { Role, Settings } from './config.js';

/** What each role is made of. The relay is no service: it only carries the log to Kafka. */
const definitions = {
  intake: intakeService, workflow: workflowService, engine: engineService, delivery: deliveryService, gateway: gatewayService,
} as const;

/** All of them: every process may be the first to migrate. */
export const everyService = Object.values(definitions) as readonly ServiceDefinition[];

export function servicesOf(roles: readonly Role[]): ServiceDefinition[] {
  return roles.flatMap((role) => (role === 'relay' ? [] : [definitions[role] as ServiceDefinition]));
}

/**
 * Who can tell whose key it is: the gateway knows administrators, intake knows sources. Other processes take the services' own credential
 * only.
 */
export function authenticatorsOf(app: INestApplicationContext, roles: readonly Role[]): Authenticator[] {
  const found: Authenticator[] = [];
  if (roles.includes('gateway')) found.push(app.get(AdminAuthenticator, { strict: false }));
  if (roles.includes('intake')) found.push(app.get(SourceAuthenticator, { strict: false }));
  return found;
}

/** The way out. Private destinations are refused but for those that the settings name, and the process's own demo clients. */
export function senderOf(settings: Settings, ownUrl: string, ownClients: boolean): HttpSender {
  const allow = settings.SLUICE_ALLOW_PRIVATE.split(',').map((pair) => pair.trim()).filter(Boolean);
  return new GuardedHttpSender({ allow: ownClients ? [...allow, new URL(ownUrl).host] : allow });
}
