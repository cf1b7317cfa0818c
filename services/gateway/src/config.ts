import { z } from 'zod';

const address = (service: string) => z.url().optional()
  .describe(`Address of ${service}, where it is a process of its own: its public paths are forwarded there.`);

/** Settings of the gateway, from the environment. Without addresses nothing is forwarded: all services are in this process. */
export const GatewayConfig = z.object({
  SLUICE_INTAKE_URL: address('intake'),
  SLUICE_WORKFLOW_URL: address('workflow'),
  SLUICE_ENGINE_URL: address('the engine'),
  SLUICE_DELIVERY_URL: address('delivery'),
});

export type GatewayConfig = z.output<typeof GatewayConfig>;

/** A class, so that Nest injects it by its type. */
export class GatewaySettings {
  constructor(readonly values: GatewayConfig) {}
}
